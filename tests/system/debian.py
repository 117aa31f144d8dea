"""The Debian package, built once for all tests of a run."""
import fcntl
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def build(shared):
    """The package, out of what is committed; SHARED is a directory that all processes of this run have.

    SEALPOST_DEB in the environment: that file instead, for who works on these tests."""
    if 'SEALPOST_DEB' in os.environ:
        return pathlib.Path(os.environ['SEALPOST_DEB'])
    output = shared / 'deb'
    with open(shared / 'deb.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (output / 'done').exists():
            built = subprocess.run([ROOT / 'tools' / 'deb.sh'], capture_output=True, text=True, timeout=1800,
                                   env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'DEB_DIR': str(output)})
            assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
            (output / 'done').touch()
    return next(f for f in output.glob('sealpost_*.deb'))


def renumbered(package, directory, version):
    """The same package with another version: what an upgrade does does not depend on what is in it."""
    tree = directory / 'tree'
    subprocess.run(['dpkg-deb', '-R', package, tree], check=True)
    control = tree / 'DEBIAN' / 'control'
    lines = [f'Version: {version}' if line.startswith('Version:') else line for line in control.read_text().splitlines()]
    control.write_text('\n'.join(lines) + '\n')
    later = directory / 'later.deb'
    subprocess.run(['dpkg-deb', '-b', '--root-owner-group', tree, later], check=True, capture_output=True)
    shutil.rmtree(tree)
    return later


def shared_directory(basetemp):
    """Of all processes of a run that has BASETEMP for this one."""
    return basetemp.parent if 'PYTEST_XDIST_WORKER' in os.environ else basetemp
