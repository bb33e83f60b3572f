"""What ours is measured beside, each library at a pinned version in an environment of its own.

The environments are kept under ${XDG_CACHE_HOME:-~/.cache}/bottle-healthcheck; they may be deleted
at any time.
"""
import collections
import contextlib
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

#: The last virtualenv that makes environments of Python 2.7.
VIRTUALENV = "virtualenv==20.21.1"

OLD_SERVERS = ("gunicorn==19.10.0", "futures==3.4.0", "waitress==1.4.4")
SERVERS = ("gunicorn==23.0.0", "waitress==3.0.2")

#: What the checks of 0.2.1 need on Python 3, up to 3.11; its fork for Python 3 changed the same.
PRINT_AS_FUNCTION = (("bottle_healthcheck/__init__.py", 'print "OK"', 'print("OK")'),)

#: kind as apps.make_app() has it; python None is the one that runs this; without requirements,
#: what is installed there; edits are (file among the installed packages, old text, new text).
Column = collections.namedtuple("Column", "title kind python requirements edits")
Column.__new__.__defaults__ = ((),)  # without edits

COLUMNS = (
    Column("ours", "ours", None, ()),
    Column("a plain route", "plain", None, ()),
    Column("ours, Python 2.7", "ours", "2.7",
           ("bottle==0.13.4", "six==1.17.0", "ipaddress==1.0.23") + OLD_SERVERS),
    Column("0.2.1, Python 2.7", "original", "2.7",
           ("bottle==0.13.4", "bottle-healthcheck==0.2.1") + OLD_SERVERS),
    Column("0.2.1, Python 3", "original", None,
           ("bottle==0.13.4", "bottle-healthcheck==0.2.1") + SERVERS, PRINT_AS_FUNCTION),
    Column("py-healthcheck 1.10.1", "flask", None,
           ("bottle==0.13.4", "py-healthcheck==1.10.1", "flask==3.1.3") + SERVERS),
    Column("django-health-check 4.8.0", "django", None,
           ("bottle==0.13.4", "django-health-check==4.8.0", "django==5.2.19") + SERVERS),
)


class Missing(Exception):
    """An environment that cannot be had here; the message says why."""


def measured(column, module, quick):
    """What `measure()` of that module comes to in the column's environment, a dictionary."""
    with inside(column) as (python, environment, folder):
        command = [python, "-m", "tests.benchmarks.inside", module, column.kind]
        child = subprocess.Popen(command + ["--quick"] * quick, cwd=folder, env=environment,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = child.communicate()
    if child.returncode:
        raise Missing("%s failed: %s" % (module, last_line(errors)))
    return json.loads(output.decode("ascii"))


@contextlib.contextmanager
def inside(column):
    """(interpreter, environment variables, folder) to run modules of tests.benchmarks with.

    The folder has nothing but the tests: ours and the original are packages of one name.
    """
    python = interpreter(column)
    environment = dict(os.environ)
    environment.pop("PYTHONPATH", None)
    if column.kind == "ours":
        environment["PYTHONPATH"] = ROOT
    folder = tempfile.mkdtemp()
    try:
        os.symlink(os.path.join(ROOT, "tests"), os.path.join(folder, "tests"))
        yield python, environment, folder
    finally:
        shutil.rmtree(folder)


def interpreter(column):
    """The path of the Python that has what the column needs; Missing where it cannot be had."""
    if not column.requirements:
        return sys.executable
    if column.python is None:
        return _environment(sys.executable, column.requirements, ["-m", "venv"],
                            edits=column.edits)
    tools = _environment(sys.executable, (VIRTUALENV,), ["-m", "venv"])
    base = _find(column.python)
    return _environment(base, column.requirements,
                        ["-m", "virtualenv", "-q", "--no-periodic-update", "-p", base], tools,
                        column.edits)


def _environment(base, requirements, how, maker=None, edits=()):
    """The interpreter of a cached environment; half made (without "complete") it is made again."""
    key = (base, sorted(requirements)) + tuple(edits)
    key = hashlib.sha256(repr(key).encode("utf-8")).hexdigest()[:12]
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(cache, "bottle-healthcheck", "benchmark-" + key)
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(os.path.join(folder, "complete")):
        shutil.rmtree(folder, ignore_errors=True)
        _run([maker or base] + how + [folder])
        _run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
             + list(requirements))
        for path, old, new in edits:
            for installed in glob.glob(os.path.join(folder, "lib", "python*", "site-packages",
                                                    path)):
                edit(installed, old, new)
        open(os.path.join(folder, "complete"), "w").close()
    return python


def edit(path, old, new):
    """Replaces a text in a file; Missing where the file is not as expected."""
    with open(path) as file:
        text = file.read()
    if old not in text:
        raise Missing("%s has no %r" % (os.path.basename(path), old))
    with open(path, "w") as file:
        file.write(text.replace(old, new))


def _find(version):
    """The path of a Python such as 2.7, among pyenv's or on the PATH."""
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    if not os.path.isdir(root) and _command("pyenv"):
        root = subprocess.check_output(["pyenv", "root"]).decode("utf-8").strip()
    found = glob.glob(os.path.join(root, "versions", version + ".*", "bin", "python"))
    path = found[0] if found else _command("python" + version)
    if path is None:
        raise Missing("Python %s is not installed" % version)
    return path


def _command(name):
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    return None


def _run(command):
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = child.communicate()[0]
    if child.returncode:
        raise Missing("%s failed: %s" % (" ".join(command[1:4]), last_line(output)))


def last_line(output):
    """Of what a program wrote, the last line: there an exception is named."""
    lines = output.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
    return lines[-1][:200]
