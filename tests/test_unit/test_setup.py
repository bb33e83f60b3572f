"""setup.py: what is built has every file of the package."""
import os
import subprocess
import sys

from tests.helpers import ROOT


def files_of(folder):
    return sorted(os.path.relpath(os.path.join(path, name), folder)
                  for path, _, names in os.walk(folder) for name in names
                  if not name.endswith((".pyc", ".pyo")))


class TestWheel(object):
    def test_has_every_file_of_the_package(self, tmpdir):
        # The command that fills a wheel. It needs setuptools alone, and no network.
        subprocess.check_call([sys.executable, "setup.py", "-q", "build_py", "--build-lib",
                               str(tmpdir)], cwd=ROOT)
        assert os.listdir(str(tmpdir)) == ["bottle_healthcheck"]
        built = files_of(str(tmpdir.join("bottle_healthcheck")))
        assert built == files_of(os.path.join(ROOT, "bottle_healthcheck"))
        for name in ("page.html", "page.css", "page.py"):
            assert os.path.join("_http", "formats", name) in built
        assert "py.typed" in built
