"""The admin center in a real browser: a server with HTTPS, and scripts of tests/ui that use it."""
import json
import pathlib
import subprocess

from sealpost import free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PASSWORD = 'four words of a person'


def with_admin_center(instances, directory, authority, hostname='mx.ours.example', node=None):
    """A server, not started yet, whose admin center is at its .url."""
    port = free_port()
    sealpost = instances(directory, hostname, [('mx', authority.issue(hostname))],
                         node={**(node or {}), 'admin': {'listen': f'127.0.0.1:{port}'}})
    sealpost.url = f'https://{hostname}:{port}'
    return sealpost


def setup_link(sealpost):
    """The one-time link that makes the first user."""
    done = subprocess.run(['curl', '--silent', '--fail-with-body', '--unix-socket', str(sealpost.directory / 'run' / 'admin.sock'),
                           '--json', '{}', 'http://localhost/v1/setup-link'], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    link = json.loads(done.stdout)['url']
    return sealpost.url + link[link.index('/#/'):]


def in_browser(script, timeout=900, **settings):
    """Run tests/ui/SCRIPT.mjs; its pictures are in build/screenshots/SCRIPT."""
    settings.setdefault('password', PASSWORD)
    settings['pictures'] = str(ROOT / 'build' / 'screenshots' / script)
    done = subprocess.run(['node', str(ROOT / 'tests' / 'ui' / f'{script}.mjs'), json.dumps(settings)], capture_output=True,
                          text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
