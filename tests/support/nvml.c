/* The part of NVIDIA's management library that the recorder calls, for a machine with two GPUs that do not exist. */
#include <stdint.h>
#include <string.h>

typedef struct { unsigned int gpu, memory; } utilization_t;
typedef struct { unsigned long long total, free, used; } memory_t;

static int devices[2] = {0, 1};

int nvmlInit_v2(void) { return 0; }
int nvmlInitWithFlags(unsigned int flags) { return 0; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return code == 3 ? "Not Supported" : "Unknown"; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int at, void **device) { *device = &devices[at]; return 0; }
int nvmlDeviceGetUtilizationRates(int *device, utilization_t *rates) { rates->gpu = 40 + *device; rates->memory = 7; return 0; }
int nvmlDeviceGetMemoryInfo(int *device, memory_t *memory) {
    memory->total = 1024ull << 20; memory->used = 256ull << 20; memory->free = 768ull << 20; return 0;
}
int nvmlDeviceGetTemperature(int *device, int sensor, unsigned int *degrees) { *degrees = 60 + *device; return 0; }
/* The second one, like many of the cheaper ones, does not tell its power. */
int nvmlDeviceGetPowerUsage(int *device, unsigned int *milliwatts) { *milliwatts = 150500; return *device ? 3 : 0; }
