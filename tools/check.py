#!/usr/bin/python3
"""Run every check and print the true counts: the last line is "N passed, N failed[, N skipped]".

    tools/check.py                everything
    tools/check.py --fast         plain build, static checks, unit and system tests
    tools/check.py --only NAME    one step (see --list); may be given several times
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = '/usr/bin/python3'
PLAIN, GCC, CLANG = 'build', 'build-gcc', 'build-clang'
SANITIZE = ['-Db_sanitize=address,undefined', '-Db_lundef=false', '-Dbuildtype=debugoptimized', '-Dui=disabled']
SANITIZER_ENVIRONMENT = {
    'ASAN_OPTIONS': 'detect_stack_use_after_return=0:abort_on_error=1:strict_string_checks=1',
    'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1',
}


class Tally:
    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skips = []

    def add(self, name, fine, detail=''):
        if fine:
            self.passed += 1
        else:
            self.failures.append((name, detail))

    def add_junit(self, path, label):
        """Count the cases of a JUnit file; False if it holds none."""
        count = 0
        for case in ElementTree.parse(path).getroot().iter('testcase'):
            count += 1
            name = f"{label}: {case.get('classname', '')}.{case.get('name', '')}"
            bad = case.find('failure')
            if bad is None:
                bad = case.find('error')
            skipped = case.find('skipped')
            if bad is not None:
                self.failures.append((name, (bad.get('message') or bad.text or '')[:2000]))
            elif skipped is not None:
                self.skips.append((name, skipped.get('message') or 'no reason given'))
            else:
                self.passed += 1
        return count > 0


def run(command, log, environment=None, timeout=3600):
    """Run to the end, all output into LOG; (fine, last lines)."""
    log = ROOT / log
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, 'wb') as out:
        try:
            code = subprocess.run(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL, timeout=timeout,
                                  env={**os.environ, **(environment or {})}).returncode
        except subprocess.TimeoutExpired:
            return False, f'took longer than {timeout} s; see {log.relative_to(ROOT)}'
    tail = log.read_text(errors='replace').splitlines()[-40:]
    return code == 0, '\n'.join(tail)


def build(tally, directory, compiler, options):
    environment = {'CC': compiler}
    if not (ROOT / directory / 'build.ninja').exists():
        fine, tail = run(['meson', 'setup', directory, *options], f'{directory}-setup.log', environment)
        if not fine:
            tally.add(f'configure {directory}', False, tail)
            return False
        shutil.move(ROOT / f'{directory}-setup.log', ROOT / directory / 'setup.log')
    fine, tail = run(['ninja', '-C', directory], f'{directory}/ninja.log')
    tally.add(f'build {directory} ({compiler})', fine, tail)
    return fine


def unit(tally, directory, environment=None):
    junit = ROOT / directory / 'meson-logs' / 'testlog.junit.xml'
    junit.unlink(missing_ok=True)
    fine, tail = run(['meson', 'test', '-C', directory, '--no-rebuild', '--suite', 'unit', '--print-errorlogs'],
                     f'{directory}/unit.log', {'CMOCKA_MESSAGE_OUTPUT': 'TAP', **(environment or {})})
    before = len(tally.failures)
    if not junit.exists() or not tally.add_junit(junit, directory):
        tally.add(f'unit tests in {directory}', False, tail)
    elif not fine and len(tally.failures) == before:
        tally.add(f'unit tests in {directory}', False, tail)


def step_static(tally, options):
    for script in ('check-layers.py', 'check-habits.py'):
        fine, tail = run([PYTHON, f'tools/{script}'], f'{PLAIN}/{script}.log')
        tally.add(script, fine, tail)
    files = subprocess.run(['git', 'ls-files', 'src/*.[ch]', 'bench/*.[ch]'], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split()
    fine, tail = run(['clang-format', '--dry-run', '-Werror', *files], f'{PLAIN}/format.log')
    tally.add('clang-format', fine, tail)
    for script in sorted((ROOT / 'tools').glob('verify-*.py')):
        fine, tail = run([PYTHON, str(script), PLAIN], f'{PLAIN}/{script.name}.log')
        tally.add(script.name, fine, tail)
    fine, tail = run(['npm', '--silent', '--prefix', 'ui', 'run', 'check'], f'{PLAIN}/ui.log')
    tally.add('ui: types and texts', fine, tail)


def step_plain(tally, options):
    if build(tally, PLAIN, 'gcc', []):
        unit(tally, PLAIN)
        fine, tail = run([PYTHON, 'tools/check-symbols.py', PLAIN], f'{PLAIN}/symbols.log')
        tally.add('check-symbols.py', fine, tail)


def step_gcc(tally, options):
    if build(tally, GCC, 'gcc', SANITIZE):
        unit(tally, GCC, SANITIZER_ENVIRONMENT)


def step_clang(tally, options):
    if build(tally, CLANG, 'clang', [*SANITIZE, '-Dfuzz=true']):
        unit(tally, CLANG, SANITIZER_ENVIRONMENT)


def fuzz_command(fuzzer, seconds):
    name = fuzzer.name.removeprefix('fuzz-')
    corpus = ROOT / CLANG / 'corpus' / name
    corpus.mkdir(parents=True, exist_ok=True)
    command = [str(fuzzer), f'-max_total_time={seconds}', '-rss_limit_mb=2048', '-timeout=20',
               '-max_len=65536', '-print_final_stats=1', f'-artifact_prefix={ROOT / CLANG}/crash-{name}-']
    for dictionary in (ROOT / 'src').rglob(f'fuzz_{name.split("-")[-1]}.dict'):
        command.append(f'-dict={dictionary}')
    seeds = [str(d) for d in (ROOT / 'src').rglob(f'corpus_{name.split("-")[-1]}') if d.is_dir()]
    return name, [*command, str(corpus), *seeds]


def step_fuzz(tally, options):
    if not build(tally, CLANG, 'clang', [*SANITIZE, '-Dfuzz=true']):
        return
    fuzzers = sorted(p for p in (ROOT / CLANG / 'src').glob('fuzz-*') if os.access(p, os.X_OK) and p.is_file())
    if not fuzzers:
        tally.add('fuzzers', False, 'none was built')
    for at in range(0, len(fuzzers), 2):
        running = []
        for fuzzer in fuzzers[at:at + 2]:
            name, command = fuzz_command(fuzzer, options.fuzz_seconds)
            log = ROOT / CLANG / f'fuzz-{name}.log'
            running.append((name, log, subprocess.Popen(
                command, cwd=ROOT, stdout=open(log, 'wb'), stderr=subprocess.STDOUT,
                env={**os.environ, **SANITIZER_ENVIRONMENT})))
        for name, log, process in running:
            code = process.wait()
            tally.add(f'fuzz {name}', code == 0,
                      '\n'.join(log.read_text(errors='replace').splitlines()[-40:]))


def step_tidy(tally, options):
    if not (ROOT / CLANG / 'compile_commands.json').exists() and \
            not build(tally, CLANG, 'clang', [*SANITIZE, '-Dfuzz=true']):
        return
    fine, tail = run(['run-clang-tidy', '-quiet', '-p', CLANG, '-j', str(os.cpu_count() or 2),
                      f'^{ROOT}/src/(?!.*/(test|fuzz)_)'], f'{CLANG}/tidy.log')
    text = re.sub(r'\x1b\[[0-9;]*m', '', (ROOT / CLANG / 'tidy.log').read_text(errors='replace'))
    errors = sorted({line for line in text.splitlines() if ' error: ' in line})
    tally.add('clang-tidy', fine, '\n'.join(errors) or tail)


def pytest(tally, label, binary, arguments, environment=None):
    junit = ROOT / PLAIN / f'{label}.xml'
    junit.unlink(missing_ok=True)
    # A short path: the names of Unix sockets have a limit.
    with tempfile.TemporaryDirectory(prefix='sealpost-') as directory:
        fine, tail = run([PYTHON, '-m', 'pytest', 'tests/system', '-q', '-p', 'no:cacheprovider', '-n', '2',
                          f'--basetemp={directory}/t', f'--junitxml={junit}', *arguments], f'{PLAIN}/{label}.log',
                         {'SEALPOST': str(ROOT / binary / 'src' / 'sealpost'), 'PYTHONDONTWRITEBYTECODE': '1',
                          **(environment or {})})
    before = len(tally.failures)
    if not junit.exists() or not tally.add_junit(junit, label):
        tally.add(label, False, tail)
    elif not fine and len(tally.failures) == before:
        tally.add(label, False, tail)


def step_system(tally, options):
    if build(tally, PLAIN, 'gcc', []):
        pytest(tally, 'system', PLAIN, [])


def step_sanitized(tally, options):
    """The system tests marked for it, on the binary with sanitizers: a report ends the process, and the test sees it."""
    if build(tally, CLANG, 'clang', [*SANITIZE, '-Dfuzz=true']):
        pytest(tally, 'sanitized', CLANG, ['-m', 'sanitized'], SANITIZER_ENVIRONMENT)


STEPS = {
    'static': step_static,
    'plain': step_plain,
    'gcc': step_gcc,
    'clang': step_clang,
    'fuzz': step_fuzz,
    'tidy': step_tidy,
    'system': step_system,
    'sanitized': step_sanitized,
}
FAST = ('plain', 'static', 'system')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--fast', action='store_true')
    parser.add_argument('--only', action='append', choices=STEPS, default=[])
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--fuzz-seconds', type=int, default=8, help='per fuzzer')
    options = parser.parse_args()
    if options.list:
        print('\n'.join(f'{name:10} {(step.__doc__ or "").splitlines()[0] if step.__doc__ else ""}'
                        for name, step in STEPS.items()))
        return 0
    names = options.only or (FAST if options.fast else ('plain', 'static', 'gcc', 'clang', 'tidy', 'fuzz', 'system',
                                                        'sanitized'))
    tally = Tally()
    for name in names:
        started, passed, failed = time.monotonic(), tally.passed, len(tally.failures)
        print(f'== {name}', flush=True)
        STEPS[name](tally, options)
        print(f'   {tally.passed - passed} passed, {len(tally.failures) - failed} failed, '
              f'{time.monotonic() - started:.0f} s', flush=True)
    for name, detail in tally.failures:
        print(f'\nFAILED {name}\n{detail}')
    for name, reason in tally.skips:
        print(f'skipped {name}: {reason}')
    skipped = f', {len(tally.skips)} skipped' if tally.skips else ''
    print(f'{tally.passed} passed, {len(tally.failures)} failed{skipped}')
    return 1 if tally.failures or tally.passed == 0 else 0


sys.exit(main())
