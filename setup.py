"""Packaging of bottle_healthcheck; the settings of the tools are in setup.cfg."""
import io
import os
import re

from setuptools import find_packages, setup

HERE = os.path.dirname(os.path.abspath(__file__))


def read(*names):
    """The text of a file beside this one."""
    with io.open(os.path.join(HERE, *names), encoding="utf-8") as opened:
        return opened.read()


# Read, not imported: the package imports Bottle, which a build does not need.
VERSION = re.search(r'^__version__ = "([^"]+)"', read("bottle_healthcheck", "__init__.py"),
                    re.MULTILINE).group(1)

setup(
    name="bottle-healthcheck",
    version=VERSION,
    description="Health check and environment dump endpoints for Bottle applications",
    long_description=read("README.md"),
    long_description_content_type="text/markdown",
    author="The bottle_healthcheck developers",
    license="MIT",
    keywords="bottle health healthcheck monitoring haproxy monit",
    packages=find_packages(HERE, include=["bottle_healthcheck", "bottle_healthcheck.*"]),
    package_data={"": ["py.typed", "*.html", "*.css"]},
    zip_safe=False,  # type checkers find py.typed only in a folder
    python_requires=">=2.7, !=3.0.*, !=3.1.*, !=3.2.*, !=3.3.*, !=3.4.*, !=3.5.*",
    install_requires=[
        "bottle>=0.12.25",
        "six",
        'ipaddress; python_version < "3"',
    ],
    extras_require={"prometheus": ["prometheus_client"]},
    entry_points={
        "console_scripts": ["bottle-healthcheck = bottle_healthcheck.cli:main"],
    },
    classifiers=[
        "Development Status :: 5 - Production/Stable",
        "Environment :: Web Environment",
        "Framework :: Bottle",
        "Intended Audience :: Developers",
        "Intended Audience :: System Administrators",
        "Operating System :: OS Independent",
        "Programming Language :: Python",
        "Programming Language :: Python :: 2",
        "Programming Language :: Python :: 2.7",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.6",
        "Programming Language :: Python :: 3.7",
        "Programming Language :: Python :: 3.8",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: Implementation :: CPython",
        "Topic :: Internet :: WWW/HTTP :: WSGI",
        "Topic :: System :: Monitoring",
        "Typing :: Typed",
    ],
)
