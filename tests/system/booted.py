"""A machine in a machine: a systemd of its own over this one's file system, with a layer over it that is gone at the end.

Nothing of this machine is touched: it has name spaces, a network, devices and control groups of its own (systemd-nspawn).
"""
import contextlib
import os
import pathlib
import shutil
import subprocess

from waiting import NeverCame, wait_for

SCRIPT = pathlib.Path(__file__).with_name('booted.sh')
SPACES = ('-m', '-p', '-n', '-i', '-u', '-C')


def children(pid):
    try:
        return [int(p) for p in pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]
    except FileNotFoundError:
        return []


def name_of(pid):
    try:
        return pathlib.Path(f'/proc/{pid}/comm').read_text().strip()
    except FileNotFoundError:
        return ''


class CannotBoot(Exception):
    """Why this machine cannot boot another one."""


def hierarchies():
    """Where this process is in the hierarchies of control groups that a systemd works with."""
    mounts = {}
    for line in pathlib.Path('/proc/self/mountinfo').read_text().splitlines():
        before, after = line.split(' - ')
        root, point = before.split()[3:5]
        kind, _, options = after.split(maxsplit=2)
        if kind == 'cgroup2':
            mounts[''] = root, point
        elif kind == 'cgroup' and 'name=systemd' in options.split(','):
            mounts['name=systemd'] = root, point
    found = []
    for line in pathlib.Path('/proc/self/cgroup').read_text().splitlines():
        _, name, path = line.split(':', 2)
        if name in mounts:
            root, point = mounts[name]
            found.append(pathlib.Path(point) / os.path.relpath(path, root))
    return found


class Machine:
    """Boot one with `with Machine(...) as machine`; PACKAGES, a directory, is /packages inside."""

    def __init__(self, directory, packages):
        self.name = f'sealpost-{os.getpid()}'
        self.packages = packages
        self.layer = directory / 'layer'
        self.console = directory / 'console.log'
        self.groups = []
        self.process = None

    def __enter__(self):
        try:
            self._boot()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _boot(self):
        if os.geteuid() != 0:
            raise CannotBoot('only root can')
        if not shutil.which('systemd-nspawn'):
            raise CannotBoot('systemd-nspawn is not installed (tools/setup.sh check)')
        try:
            for at in hierarchies():
                group = at / self.name
                group.mkdir()
                self.groups.append(group)
        except OSError as problem:
            raise CannotBoot(f'no control group can be made: {problem}') from problem
        if not self.groups:
            raise CannotBoot('no hierarchy of control groups is mounted')
        self.layer.mkdir()
        with open(self.console, 'wb') as out:
            # Whoever ends these tests ends it, too: with the first one of a name space of processes all others end.
            self.process = subprocess.Popen(
                ['setpriv', '--pdeathsig', 'KILL', 'unshare', '-mp', '--fork', '--kill-child', '--mount-proc', 'bash', SCRIPT,
                 self.name, self.layer, self.packages, *self.groups],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        try:
            self.wait_booted()
        except NeverCame as problem:
            raise CannotBoot(f'{self.console.read_text(errors="replace")[-1000:].strip() or problem}') from problem

    def wait_booted(self, ended=None):
        """Wait until all is up; ENDED: the first process of the boot before, as this machine numbers it."""
        def look():
            if self.process.poll() is not None:
                return 'ended'
            if ended is not None and self._first() == ended:
                return False
            return self.run('systemctl', 'is-system-running', check=False).stdout.strip() in ('running', 'degraded')
        if wait_for(look, 'the machine to be up', timeout=90, interval=0.2) == 'ended':
            raise NeverCame(f'it ended with status {self.process.returncode}')

    def _first(self):
        """The process that is the first one inside, as this machine numbers it; None while there is none."""
        below = [pid for script in children(self.process.pid) for pid in children(script)]
        found = [pid for program in below if name_of(program) == 'systemd-nspawn' for pid in children(program)]
        return next((pid for pid in found if name_of(pid) == 'systemd'), None)

    def run(self, *command, check=True, input=None, timeout=90):
        """Run COMMAND inside, to its end."""
        first = self._first()
        if first is None:
            raise RuntimeError('there is no first process')
        done = subprocess.run(['nsenter', '-t', str(first), *SPACES, '--', *map(str, command)], input=input, text=True,
                              stdin=None if input is not None else subprocess.DEVNULL, capture_output=True, timeout=timeout,
                              env={'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL': 'C.UTF-8',
                                   'HOME': '/root', 'DEBIAN_FRONTEND': 'noninteractive', 'SYSTEMD_PAGER': '', 'SYSTEMD_COLORS': '0'})
        assert not check or done.returncode == 0, f'{command}: {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}'
        return done

    def show(self, unit, name):
        """The property NAME of UNIT."""
        return self.run('systemctl', 'show', '-P', name, unit).stdout.strip()

    def journal(self, unit):
        return self.run('journalctl', '-u', unit, '-o', 'cat', '--no-pager').stdout

    def reboot(self):
        before = self._first()
        self.run('systemctl', 'reboot', check=False)
        self.wait_booted(before)

    def close(self):
        """End it and everything in it, at once."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for group in self.groups:
            with contextlib.suppress(OSError):
                (group / 'cgroup.kill').write_text('1')
        for group in self.groups:
            wait_for(lambda: remove(group), f'{group} to be empty', timeout=30)
        self.groups = []


def remove(group):
    """Remove a control group and those below."""
    for below, _, _ in os.walk(group, topdown=False):
        os.rmdir(below)
    return True
