/*
 * The part of NVIDIA's management library that is called, for a machine with two GPUs that do not exist. By
 * TEST_NVML, what it does: `hang` never answers, `slow` takes 3 s, `mig` parts the first GPU, `none` has no driver.
 * By TEST_NVML_PID, a process is on the first one, and the second one is free.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct { unsigned int gpu, memory; } utilization_t;
typedef struct { unsigned long long total, free, used; } memory_t;

static int devices[2] = {0, 1};

typedef struct { unsigned int pid; unsigned long long used; unsigned int gpu_instance, compute_instance; } process_t;

static int part = 7;

static int does(const char *what) { const char *told = getenv("TEST_NVML"); return told && !strcmp(told, what); }

static int fill(char *text, unsigned int length, const char *with, int number) {
    snprintf(text, length, "%s%d", with, number); return 0;
}

int nvmlInit_v2(void) { return does("none") ? 9 : 0; }
int nvmlInitWithFlags(unsigned int flags) { return 0; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) {
    return code == 3 ? "Not Supported" : code == 9 ? "Driver Not Loaded" : "Unknown";
}
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int at, void **device) { *device = &devices[at]; return 0; }
int nvmlDeviceGetUtilizationRates(int *device, utilization_t *rates) {
    while (does("hang")) pause();
    if (does("slow")) sleep(3);
    rates->gpu = 40 + *device; rates->memory = 7; return 0;
}
int nvmlDeviceGetMemoryInfo(int *device, memory_t *memory) {
    unsigned long long used = device != &part && *device && getenv("TEST_NVML_PID") ? 8 : 256;
    memory->total = 1024ull << 20; memory->used = used << 20; memory->free = (1024 - used) << 20; return 0;
}
int nvmlDeviceGetTemperature(int *device, int sensor, unsigned int *degrees) { *degrees = 60 + *device; return 0; }
/* The second one, like many of the cheaper ones, does not tell its power. */
int nvmlDeviceGetPowerUsage(int *device, unsigned int *milliwatts) { *milliwatts = 150500; return *device ? 3 : 0; }
int nvmlDeviceGetName(int *device, char *text, unsigned int length) {
    return fill(text, length, device == &part ? "Test GPU MIG 1g.5gb " : "Test GPU ", *device);
}
int nvmlDeviceGetUUID(int *device, char *text, unsigned int length) { return fill(text, length, "GPU-test-", *device); }
int nvmlDeviceGetMigMode(int *device, unsigned int *current, unsigned int *pending) {
    *current = *pending = does("mig") && !*device; return 0;
}
int nvmlDeviceGetMaxMigDeviceCount(int *device, unsigned int *count) { *count = 7; return 0; }
/* Of seven places, two hold an instance. */
int nvmlDeviceGetMigDeviceHandleByIndex(int *device, unsigned int at, void **handle) { *handle = &part; return at < 2 ? 0 : 6; }
/* A GPU that is parted does not tell what is on it; each part does. The first room is always too small. */
int nvmlDeviceGetComputeRunningProcesses_v3(int *device, unsigned int *count, process_t *found) {
    const char *pid = getenv("TEST_NVML_PID");
    static int asked;
    if (does("mig") && device != &part && !*device) return 3;
    if (!pid || (device != &part && *device)) { *count = 0; return 0; }
    if (!asked++) { *count = 70; return 7; }
    found[0] = (process_t){atoi(pid), 200ull << 20, 0, 0}; *count = 1; return 0;
}
int nvmlDeviceGetGraphicsRunningProcesses_v3(int *device, unsigned int *count, process_t *found) { *count = 0; return 0; }
