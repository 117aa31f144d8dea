import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import debian  # noqa: E402
from certs import Authority  # noqa: E402
from sealpost import Sealpost  # noqa: E402


OWN_DIRECTORY = pytest.StashKey()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.addinivalue_line('markers', 'sanitized: is run once more on the binary built with sanitizers')
    # pytest shares one directory among all runs of a user and closes it to others at each start, also to the peers'
    # users: a run has its own.
    if hasattr(config, 'workerinput'):
        # One of several that share a run.  A short path: the names of Unix sockets have a limit.
        above = pathlib.Path(config.option.basetemp)
        config.option.basetemp = str(above.with_name(above.name.removeprefix('popen-')))
    elif config.option.basetemp is None:
        config.option.basetemp = config.stash[OWN_DIRECTORY] = tempfile.mkdtemp(prefix='sealpost-')


def pytest_sessionfinish(session, exitstatus):
    directory = session.config.stash.get(OWN_DIRECTORY, None)
    if directory and exitstatus == 0:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope='session')
def authority(tmp_path_factory):
    """A root CA that is nobody's system root."""
    return Authority(tmp_path_factory.mktemp('pki') / 'root', 'Test Root')


@pytest.fixture(scope='session')
def foreign_authority(tmp_path_factory):
    """Another root, which nobody in the tests trusts."""
    return Authority(tmp_path_factory.mktemp('pki') / 'foreign', 'Foreign Root')


@pytest.fixture(scope='session')
def package(tmp_path_factory):
    """The Debian package of what is committed."""
    return debian.build(debian.shared_directory(tmp_path_factory.getbasetemp()))


@pytest.fixture
def instances():
    """Make Sealposts with instances(directory, ...); all are stopped at the end of the test."""
    made = []

    def make(*arguments, **named):
        made.append(Sealpost(*arguments, **named))
        return made[-1]

    yield make
    problems = []
    for instance in reversed(made):
        try:
            instance.close()
        except Exception as problem:  # noqa: BLE001 - stop the others first
            problems.append(problem)
    if problems:
        raise problems[0]
