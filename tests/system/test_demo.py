"""The demonstration that `make run` shows."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from sealpost import BINARY

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOBODY = 65534


@pytest.fixture
def place():
    """A directory that every user can pass through, with script and program."""
    top = pathlib.Path(tempfile.mkdtemp(prefix='sealpost-', dir='/var/tmp'))
    top.chmod(0o755)
    shutil.copy(BINARY, top / 'sealpost')
    shutil.copy(ROOT / 'tools/demo.sh', top / 'demo.sh')
    yield top
    shutil.rmtree(top)


def processes_of(binary):
    found = []
    for entry in pathlib.Path('/proc').iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.path.samefile(entry / 'exe', binary):
                found.append((entry / 'cmdline').read_bytes())
        except OSError:
            continue
    return found


@pytest.mark.parametrize('who', ['root', 'ordinary user'])
def test_the_demonstration_tells_its_story_and_leaves_nothing(place, who):
    if who == 'root' and os.geteuid() != 0:
        pytest.skip('needs root')
    prefix = []
    if who != 'root' and os.geteuid() == 0:
        os.chown(place, NOBODY, NOBODY)
        prefix = ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', '--']
    environment = {'PATH': os.environ['PATH'], 'HOME': str(place), 'DEMO_EXIT': '1'}
    done = subprocess.run([*prefix, 'bash', 'demo.sh', './sealpost'], cwd=place, env=environment, capture_output=True,
                          text=True, timeout=180, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ''
    chapters = [line[3:] for line in done.stdout.splitlines() if line.startswith('== ')]
    assert len(chapters) == 9, chapters
    assert chapters[-1] == 'Everything went as it should'
    for sentence in ('mx.fabrikam.example is the name required', 'mx.contoso.example is the name required',
                     'name-mismatch', "Contoso's admin center", "Fabrikam's admin center", '/#/setup/', 'Put off', 'Delivered to'):
        assert sentence in done.stdout, sentence
    assert done.stdout.index('Put off') < done.stdout.rindex('Delivered to')
    assert processes_of(place / 'sealpost') == []
    again = subprocess.run([*prefix, 'bash', 'demo.sh', './sealpost'], cwd=place, env=environment, capture_output=True,
                           text=True, timeout=180, stdin=subprocess.DEVNULL)
    assert again.returncode == 0, 'a second time, over what the first one left: ' + again.stderr


def test_the_demonstration_leaves_a_strangers_directory_alone(place):
    (place / 'demo').mkdir()
    (place / 'demo' / 'thesis.txt').write_text('years of work')
    done = subprocess.run(['bash', 'demo.sh', './sealpost'], cwd=place, capture_output=True, text=True, timeout=60,
                          env={'PATH': os.environ['PATH'], 'HOME': str(place), 'DEMO_EXIT': '1'})
    assert done.returncode != 0 and 'was not made by this demo' in done.stderr
    assert (place / 'demo' / 'thesis.txt').read_text() == 'years of work'
