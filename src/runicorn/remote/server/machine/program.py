"""What tells of a machine while somebody looks: sent to a host. Standard library only, Python 3.6 or newer.

Each thing that may never come back (a driver, a network disk, a scheduler) is asked by a process of its own, once: of
one that does not answer, this says so, and neither waits for it again nor starts another one. It reads a line of JSON
with the paths to look at and a number, and prints one with the same number. It ends with its input, or when nobody has
asked for as long as its lease.
"""
# No `from __future__ import annotations`, which Python 3.6 does not know, and no annotations but in words.

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

from runicorn.remote.server.machine.gpus import Gpus

LEASE_SECS = 60
# Where their tools often lie, and what starts no login shell does not look.
MORE_PATHS = ("/usr/local/bin", "/usr/bin", "/bin", "/opt/slurm/bin", "/usr/local/slurm/bin", "/opt/rocm/bin")
SQUEUE_SECS = 5
JOBS_EVERY_SECS = 15.0
# A job: its number, state, nodes, what it was given, the time that is left, its name, which may hold anything.
JOB_FIELDS = ("id", "state", "nodes", "gres", "left", "name")
JOB_FORMAT = "%A|%T|%N|%b|%L|%j"
# What squeue says where it is installed, and no cluster is.
NO_CLUSTER = ("Could not establish a configuration source", "Unable to process configuration file")
MAX_LINE_BYTES = 1024 * 1024


class Part:
    """One thing that is asked by a process of its own. ask: makes a value of a question, over there."""

    def __init__(self, name, ask):
        self.name, self.ask = name, ask
        self.pid = self.questions = self.answers = None
        self.received = b""
        self.told = {"value": None, "error": None, "taken_at": None}
        self.waits_since = None

    def begin(self, question, others):
        """Ask, unless an answer is still awaited, or none will come any more. others: to be let go of over there."""
        if self.waits_since is not None or (self.pid is not None and self.answers is None):
            return
        if self.pid is None:
            self.start(others)
        try:
            os.write(self.questions, json.dumps(question).encode("ascii") + b"\n")
            self.waits_since = time.monotonic()
        except OSError:
            self.end("it has ended")

    def start(self, others):
        question_out, question_in = os.pipe()
        answer_out, answer_in = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            for number in (signal.SIGALRM, signal.SIGHUP, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            for fd in [question_in, answer_out] + [fd for each in others for fd in (each.questions, each.answers)]:
                if fd is not None:
                    os.close(fd)
            nowhere = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):  # what hangs in the kernel must not keep the channel open
                os.dup2(nowhere, fd)
            answer_all(question_out, answer_in, self.ask)
            os._exit(0)
        os.close(question_out)
        os.close(answer_in)
        self.questions, self.answers = question_in, answer_out

    def receive(self):
        data = os.read(self.answers, 65536)
        if not data:
            self.end("what asks for it has ended")
            return
        self.received += data
        if not self.received.endswith(b"\n"):
            return
        answer, self.received = json.loads(self.received.decode("ascii")), b""
        self.waits_since = None
        self.told = {"value": answer.get("value"), "error": answer.get("error"), "taken_at": time.monotonic()}

    def end(self, why):
        os.close(self.answers)
        self.answers = self.waits_since = None
        self.told = {"value": None, "error": why, "taken_at": time.monotonic()}

    def tell(self):
        """Return the last value with its age in seconds, or the error, and for how long an answer is awaited."""
        now = time.monotonic()
        taken_at, waits_since = self.told["taken_at"], self.waits_since
        return {
            "value": self.told["value"],
            "error": self.told["error"],
            "age_secs": None if taken_at is None else now - taken_at,
            "waits_secs": 0.0 if waits_since is None else now - waits_since,
        }


def answer_all(questions, answers, ask):
    """Answer line by line, until there are no more questions."""
    received = b""
    while True:
        data = os.read(questions, 65536)
        if not data:
            return
        received += data
        if not received.endswith(b"\n"):
            continue
        question, received = json.loads(received.decode("ascii")), b""
        try:
            answer = {"value": ask(question)}
        except OSError as error:
            answer = {"error": error.strerror or str(error)}
        except Exception as error:  # a fault of ours costs one part
            answer = {"error": "%s: %s" % (type(error).__name__, error)}
        data = json.dumps(answer).encode("ascii") + b"\n"
        while data:
            data = data[os.write(answers, data) :]


def gpus_part():
    gpus = Gpus()
    return lambda question: gpus.read()


def disks(question):
    """Return how many bytes are free and in all, by path; the reason for one that cannot be told."""
    found = {}
    for path in question["paths"]:
        try:
            typed = path.encode("utf-8", "surrogateescape")
            usage = shutil.disk_usage(
                os.path.join(os.path.expanduser(b"~"), os.path.expanduser(os.path.expandvars(typed)))
            )
            found[path] = {"free": usage.free, "total": usage.total}
        except OSError as error:
            found[path] = {"error": error.strerror or str(error)}
    return found


def jobs_part():
    last = [None, None, float("-inf")]  # the jobs, or the error, and when they were asked for

    def jobs(question):
        """Return the person's Slurm jobs that run or wait; None where there is no Slurm."""
        if shutil.which("squeue") is None:
            return None
        if time.monotonic() - last[2] > JOBS_EVERY_SECS:
            try:
                last[:2] = squeue(), None
            except OSError as error:  # a scheduler that is in trouble is not asked more often for that
                last[:2] = None, str(error)
            last[2] = time.monotonic()
        if last[1] is not None:
            raise OSError(last[1])
        return last[0]

    return jobs


def squeue():
    """Return the person's jobs; None where the tools of Slurm lie without any cluster. Raises OSError."""
    user = ["--user", str(os.getuid())]  # --me is younger
    command = ["squeue", *user, "-h", "-t", "R,PD,CG,S", "-o", JOB_FORMAT]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SQUEUE_SECS,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise OSError("squeue has not answered within %d s" % SQUEUE_SECS) from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        if any(words in said for words in NO_CLUSTER):
            return None
        raise OSError(said.partition("\n")[0][:200] or "squeue failed")
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return [dict(zip(JOB_FIELDS, line.split("|", len(JOB_FIELDS) - 1))) for line in lines if line.count("|") >= 5]


def at_once():
    """Return what the kernel tells without asking anybody: memory in bytes, load, processors."""
    memory = {}
    try:
        with open("/proc/meminfo", "rb") as file:
            lines = dict(line.split(b":", 1) for line in file)
        memory = {
            "total": int(lines[b"MemTotal"].split()[0]) * 1024,
            "available": int(lines[b"MemAvailable"].split()[0]) * 1024,
        }
    except (OSError, KeyError, ValueError):
        pass
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"memory": memory or None, "load": list(os.getloadavg()), "cpus": os.cpu_count(), "usable_cpus": usable}


class Teller:
    """Answers a line with a line."""

    def __init__(self, stdin, stdout):
        self.stdin, self.stdout = stdin, stdout
        self.parts = [Part("gpus", gpus_part()), Part("disks", disks), Part("jobs", jobs_part())]

    def serve(self):
        received = b""
        while True:
            signal.alarm(LEASE_SECS)
            data = os.read(self.stdin, 65536)
            if not data or len(received) > MAX_LINE_BYTES:
                return
            received += data
            if not received.endswith(b"\n"):
                continue
            question, received = json.loads(received.splitlines()[-1].decode("ascii")), b""
            self.ask(question)
            answer = {
                "number": question.get("number"),
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "time": time.time(),
                **at_once(),
            }
            answer.update({part.name: part.tell() for part in self.parts})
            line = json.dumps(answer).encode("ascii") + b"\n"
            while line:
                line = line[os.write(self.stdout, line) :]

    def ask(self, question):
        """Ask for each part, and wait for those that answer in time."""
        for part in self.parts:
            part.begin(question, [each for each in self.parts if each is not part])
        end = time.monotonic() + question["wait_secs"]
        while True:
            waiting = {part.answers: part for part in self.parts if part.waits_since is not None}
            left = end - time.monotonic()
            if not waiting or left <= 0:
                return
            readable, _, _ = select.select([*waiting, self.stdin], [], [], left)
            for fd in readable:
                if fd in waiting:
                    waiting[fd].receive()
            if self.stdin in readable:  # the other side is gone, or asks again
                return

    def end(self):
        for part in self.parts:
            if part.pid:
                try:
                    os.kill(part.pid, signal.SIGKILL)
                except OSError:
                    pass


def main():
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), *MORE_PATHS])
    for change in (lambda: os.nice(10), lambda: os.chdir("/")):
        try:
            change()
        except OSError:
            pass
    for number in (signal.SIGALRM, signal.SIGINT, signal.SIGPIPE, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    teller = Teller(0, 1)
    # The alarm ends whatever waits here; what was asked is ended with it, as far as the kernel lets go of it.
    ended = lambda number, frame: (teller.end(), os._exit(0))  # noqa: E731
    for number in (signal.SIGALRM, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, ended)
    try:
        teller.serve()
    finally:
        teller.end()
    sys.exit(0)
