"""The one script that is sent to a host: finds Pythons from their files. Standard library only, Python 3.5 or newer.

It is sent as text and never imported on this side. It prints one line of JSON between the two markers it was given. A
third argument is the path of one more environment, as a person types it: its folder, or its interpreter.
No candidate but the `python3` that runs this is started, so a hanging interpreter cannot hold it up.
"""

SOURCE = r'''
import glob, json, os, re, socket, sys, time

HOME = os.path.expanduser("~")
DEADLINE = time.time() + 8.0
MAX_ENVIRONMENTS = 400


def read_bytes(path, limit=65536):
    try:
        if not os.path.isfile(path):  # opening a pipe would wait for somebody who writes to it
            return b""
        with open(path, "rb") as file:
            return file.read(limit)
    except OSError:
        return b""


def read(path):
    return read_bytes(path).decode("utf-8", "replace")


def runicorn_version(folders):
    for folder in folders:
        try:
            names = sorted(os.listdir(folder), reverse=True)
        except OSError:
            continue
        for name in names:
            found = re.match(r"runicorn-([0-9][^-]*)\.(?:dist|egg)-info$", name)
            if found:
                return found.group(1)
    return None


def site_folders(prefix):
    return glob.glob(glob.escape(prefix) + "/lib*/python3*/site-packages")


def pyvenv(prefix):
    values = {}
    for line in read(prefix + "/pyvenv.cfg").splitlines():
        key, equals, value = line.partition("=")
        if equals:
            values[key.strip().lower()] = value.strip()
    return values


def base_version(prefix):
    for path in glob.glob(glob.escape(prefix) + "/conda-meta/python-3*.json"):
        found = re.match(r"python-(3\.[0-9.]+)", os.path.basename(path))
        if found:
            return found.group(1)
    for path in sorted(glob.glob(glob.escape(prefix) + "/lib/python3.*")):
        return os.path.basename(path)[6:]
    return ""


def describe(prefix):
    """Return (type, version) of what is installed in this folder, or None."""
    values = pyvenv(prefix)
    if values or os.path.isfile(prefix + "/pyvenv.cfg"):  # Python, too, goes by the name whatever stands in it
        version = values.get("version_info") or values.get("version") or base_version(prefix)
        found = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
        kind = "uv" if "uv" in values else "poetry" if "/pypoetry/virtualenvs/" in prefix else "virtualenv"
        return kind, found.group(0) if found else ""
    if os.path.isdir(prefix + "/conda-meta"):
        return "conda", base_version(prefix)
    if "/.pyenv/versions/" in prefix:
        found = re.match(r"[0-9]+(?:\.[0-9]+)*$", os.path.basename(prefix))
        return "pyenv", found.group(0) if found else base_version(prefix)
    return None


def interpreter_error(path):
    if os.path.islink(path) and not os.path.exists(path):
        return "its Python is missing: " + path + " points to nothing"
    if not os.path.exists(path):
        return "it has no Python: " + path + " does not exist"
    if not os.path.isfile(path):
        return "it has no Python: " + path + " is no file"
    if not os.access(path, os.X_OK):
        return "its Python may not be executed by this user"
    return None


def config_error(prefix):
    try:
        read_bytes(prefix + "/pyvenv.cfg").decode("utf-8")
    except UnicodeError:
        return "its pyvenv.cfg is no text, at which its Python stops"
    return None


def conda_roots():
    found = []
    for name in ("CONDA_EXE", "MAMBA_EXE"):
        if os.environ.get(name):
            found.append(os.path.dirname(os.path.dirname(os.environ[name])))
    if os.environ.get("MAMBA_ROOT_PREFIX"):
        found.append(os.environ["MAMBA_ROOT_PREFIX"])
    names = ("miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba", "mamba", "conda", "miniconda",
             "anaconda")
    for base in (HOME, "/opt", "/usr/local", HOME + "/.local/share", HOME + "/.local"):
        for name in names:
            found.append(base + "/" + name)
            found.append(base + "/." + name)
    return found


def prefixes():
    for root in conda_roots():
        if os.path.isdir(root + "/conda-meta"):
            yield root, "base"
        for path in sorted(glob.glob(glob.escape(root) + "/envs/*")):
            yield path, None
    for path in sorted(glob.glob(glob.escape(HOME) + "/.conda/envs/*")):
        yield path, None
    for line in read(HOME + "/.conda/environments.txt").splitlines():
        if line.startswith("/"):
            yield line.strip().rstrip("/"), None
    if os.environ.get("VIRTUAL_ENV"):
        yield os.environ["VIRTUAL_ENV"], None
    for pattern in (
        "/.virtualenvs/*", "/.venv", "/venv", "/env", "/venvs/*", "/envs/*", "/.venvs/*",
        "/.cache/pypoetry/virtualenvs/*", "/Library/Caches/pypoetry/virtualenvs/*",
        "/.pyenv/versions/*", "/.pyenv/versions/*/envs/*", "/.local/share/uv/tools/*",
        "/.local/share/virtualenvs/*", "/*/.venv", "/*/venv", "/*/env", "/*/*/.venv", "/*/*/venv",
    ):
        for path in sorted(glob.glob(glob.escape(HOME) + pattern)):
            yield path, None
            if time.time() > DEADLINE:
                return


def environments(taken):
    found, seen = [], set()
    for prefix, name in prefixes():
        real = os.path.realpath(prefix)
        if real in seen or len(found) >= MAX_ENVIRONMENTS:
            continue
        seen.add(real)
        described = describe(prefix)
        if described is None:
            continue
        try:
            prefix.encode("utf-8")
        except UnicodeError:
            prefix = prefix.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            error = "its path is no UTF-8"
        else:
            error = interpreter_error(prefix + "/bin/python") or config_error(prefix)
        base = os.path.basename(prefix)
        if name is None:
            project = os.path.basename(os.path.dirname(prefix))
            name = project if base in (".venv", "venv", "env") and os.path.dirname(prefix) != HOME else base
        if name in taken:
            name = prefix
        taken.add(name)
        found.append({
            "name": name, "type": described[0], "python_version": described[1], "path": prefix + "/bin/python",
            "runicorn_version": runicorn_version(site_folders(prefix)), "error": error,
        })
    return found


def system():
    import site
    prefix = os.path.dirname(os.path.dirname(os.path.abspath(sys.executable)))
    folders = site_folders(prefix)
    isolated = pyvenv(prefix).get("include-system-site-packages", "") == "false"
    if not isolated and hasattr(site, "getsitepackages"):
        folders += site.getsitepackages()
        folders += site_folders(sys.prefix) + [site.getusersitepackages(), "/usr/lib/python3/dist-packages"]
    return {
        "name": "system", "type": "system", "python_version": "%d.%d.%d" % sys.version_info[:3],
        "path": os.path.abspath(sys.executable), "runicorn_version": runicorn_version(folders), "error": None,
    }


def typed(text):
    path = os.path.normpath(os.path.expanduser(os.path.expandvars(text)))
    interpreter, prefix = path, os.path.dirname(os.path.dirname(path))
    if os.path.isdir(path):
        interpreter, prefix = path + "/bin/python", path
        if not os.path.exists(interpreter) and os.path.exists(path + "/bin/python3"):
            interpreter += "3"
    kind, version = describe(prefix) or ("system", base_version(prefix))
    folders = site_folders(prefix)
    if kind == "system":
        for base in (prefix, prefix + "/local"):
            folders += glob.glob(glob.escape(base) + "/lib*/python3*/dist-packages")
        folders += glob.glob(glob.escape(HOME) + "/.local/lib/python3*/site-packages")
    if path.startswith("/"):
        error = interpreter_error(interpreter) or config_error(prefix)
    else:
        error = "it is no absolute path"
    return {
        "name": text, "type": kind, "python_version": version, "path": interpreter,
        "runicorn_version": runicorn_version(folders), "error": error,
    }


def free_port(wanted):
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return probe.getsockname()[1]
    return 0


def main():
    mine = system()
    found = [mine] + environments({"system"})
    if len(sys.argv) > 3:
        found.append(typed(sys.argv[3]))
    root = os.environ.get("RUNICORN_ROOT") or HOME + "/runicorn_data"
    answer = {
        "home": HOME, "platform": sys.platform, "default_root": root, "root_exists": os.path.isdir(root),
        "free_port": free_port(23300), "environments": found,
    }
    sys.stdout.write("\n" + sys.argv[1] + json.dumps(answer) + sys.argv[2] + "\n")
    sys.stdout.flush()


main()
'''
