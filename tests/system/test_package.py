"""The Debian package: built, looked at by lintian, installed into a system of its own, upgraded, removed, purged.

The system is this machine's with a layer over it: what the package does stays in the layer.
"""
import pathlib
import subprocess

import pytest

from debian import renumbered

WORLD = pathlib.Path(__file__).with_name('package_world.sh')


def test_lintian_finds_nothing(package):
    found = subprocess.run(['lintian', '--allow-root', '--fail-on', 'error,warning', '--suppress-tags',
                            'bogus-mail-host,bogus-mail-host-in-debian-changelog,initial-upload-closes-no-bugs', package], capture_output=True, text=True, timeout=600)
    assert found.returncode == 0, found.stdout + found.stderr


def test_what_it_holds(package):
    listing = subprocess.run(['dpkg-deb', '-c', package], check=True, capture_output=True, text=True).stdout
    for path in ('usr/bin/sealpost', 'lib/systemd/system/sealpost.service', 'usr/lib/sysusers.d/sealpost.conf',
                 'usr/lib/tmpfiles.d/sealpost.conf', 'usr/share/man/man1/sealpost.1.gz', 'usr/share/man/man5/sealpost.yaml.5.gz',
                 'usr/share/bash-completion/completions/sealpost', 'usr/share/sealpost/sealpost.yaml',
                 'usr/share/sealpost/acme/certbot-deploy', 'usr/share/doc/sealpost/copyright'):
        assert f'./{path}\n' in listing, f'{path} is missing in\n{listing}'
    scripts = subprocess.run(['dpkg-deb', '-I', package, 'postinst'], check=True, capture_output=True, text=True).stdout
    assert 'deb-systemd-helper' in scripts and 'systemd-sysusers' in scripts


def test_installed_upgraded_removed_purged(package, tmp_path):
    layer = subprocess.run(['unshare', '-m', 'bash', '-c', 'd=$(mktemp -d) && mount -t tmpfs none $d && mkdir $d/u $d/w $d/m && '
                            'mount -t overlay overlay -o lowerdir=/,upperdir=$d/u,workdir=$d/w $d/m'], capture_output=True, text=True)
    if layer.returncode != 0:
        pytest.skip('no layer over the file system can be made here: ' + layer.stderr.strip())
    later = renumbered(package, tmp_path, '99.0-1')
    world = subprocess.run(['unshare', '-mnp', '--fork', '--kill-child', 'bash', WORLD, package, later], capture_output=True, text=True,
                           timeout=600)
    assert world.returncode == 0, world.stdout[-6000:] + world.stderr[-6000:]
    assert world.stdout.splitlines()[-1] == 'all as it should be', world.stdout
