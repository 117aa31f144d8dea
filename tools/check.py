#!/usr/bin/python3
"""Run every check and print the true counts: the last line is "N passed, N failed[, N skipped]".

    tools/check.py                everything
    tools/check.py --fast         plain build, static checks, unit and system tests
    tools/check.py --only NAME    one step (see --list); may be given several times

The plain build comes first.  Then two rows of steps go on at the same time: one keeps the processors busy, and gives way to
the other, which mostly waits.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = '/usr/bin/python3'
PLAIN, GCC, CLANG = 'build', 'build-gcc', 'build-clang'
SANITIZERS = ['-Db_sanitize=address,undefined', '-Db_lundef=false', '-Dui=disabled', '-Ddebug=true']
# Sanitizers tell of files and lines, for which -g1 is enough.  What gcc warns of when it optimises, the plain build tells;
# what the fuzzers do in their time, and the system tests, depends on what clang makes.
GCC_OPTIONS = [*SANITIZERS, '-Dc_args=-g1 -Wno-maybe-uninitialized', '-Doptimization=g']
CLANG_OPTIONS = [*SANITIZERS, '-Dc_args=-g1', '-Doptimization=2', '-Dfuzz=true']
SANITIZER_ENVIRONMENT = {
    'ASAN_OPTIONS': 'detect_stack_use_after_return=0:abort_on_error=1:strict_string_checks=1',
    'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1',
}
WORKERS = 3  # of the system tests, which wait for most of their time
RUNNING = set()
STOPPED = threading.Event()
BUILDING = {directory: threading.Lock() for directory in (PLAIN, GCC, CLANG)}


class Tally:
    """What came of a step, and how it runs its programs."""

    def __init__(self, gives_way=False):
        self.before = ['nice', '-n', '10'] if gives_way else []
        self.processor = 0.0  # seconds, of all programs that it has run
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


def start(tally, command, out, environment=None, before=None):
    if STOPPED.is_set():
        raise RuntimeError('stopped')
    process = subprocess.Popen([*(tally.before if before is None else before), *command], cwd=ROOT, stdout=out, stderr=subprocess.STDOUT,
                               stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
    RUNNING.add(process)
    return process


def finish(tally, process):
    """Wait for the end; the exit status."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    RUNNING.discard(process)
    tally.processor += usage.ru_utime + usage.ru_stime
    return process.returncode


def run(tally, command, log, environment=None, timeout=3600, before=None):
    """Run to the end, all output into LOG; (fine, last lines).  BEFORE: instead of what gives way, if this step does."""
    log = ROOT / log
    log.parent.mkdir(parents=True, exist_ok=True)
    late = threading.Event()

    def stop():
        late.set()
        os.kill(process.pid, signal.SIGKILL)

    with open(log, 'wb') as out:
        process = start(tally, command, out, environment, before)
        timer = threading.Timer(timeout, stop)
        timer.start()
        code = finish(tally, process)
        timer.cancel()
    if late.is_set():
        return False, f'took longer than {timeout} s; see {log.relative_to(ROOT)}'
    tail = log.read_text(errors='replace').splitlines()[-40:]
    return code == 0, '\n'.join(tail)


def build(tally, directory, compiler, options):
    environment = {'CC': compiler}
    if compiler == 'clang' and shutil.which('ld.lld'):
        environment['CC_LD'] = 'lld'  # there are many programs to link
    with BUILDING[directory]:
        if not (ROOT / directory / 'build.ninja').exists():
            fine, tail = run(tally, ['meson', 'setup', directory, *options], f'{directory}-setup.log', environment)
            if not fine:
                tally.add(f'configure {directory}', False, tail)
                return False
            shutil.move(ROOT / f'{directory}-setup.log', ROOT / directory / 'setup.log')
        fine, tail = run(tally, ['ninja', '-C', directory], f'{directory}/ninja.log')
    tally.add(f'build {directory} ({compiler})', fine, tail)
    return fine


def unit(tally, directory, environment=None):
    junit = ROOT / directory / 'meson-logs' / 'testlog.junit.xml'
    junit.unlink(missing_ok=True)
    # Some have bounds of time: they give way to nothing.
    fine, tail = run(tally, ['meson', 'test', '-C', directory, '--no-rebuild', '--suite', 'unit', '--print-errorlogs'],
                     f'{directory}/unit.log', {'CMOCKA_MESSAGE_OUTPUT': 'TAP', **(environment or {})}, before=())
    before = len(tally.failures)
    if not junit.exists() or not tally.add_junit(junit, directory):
        tally.add(f'unit tests in {directory}', False, tail)
    elif not fine and len(tally.failures) == before:
        tally.add(f'unit tests in {directory}', False, tail)


def step_static(tally, options):
    for script in ('check-layers.py', 'check-habits.py'):
        fine, tail = run(tally, [PYTHON, f'tools/{script}'], f'{PLAIN}/{script}.log')
        tally.add(script, fine, tail)
    files = subprocess.run(['git', 'ls-files', 'src/*.[ch]', 'bench/*.[ch]'], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout.split()
    fine, tail = run(tally, ['clang-format', '--dry-run', '-Werror', *files], f'{PLAIN}/format.log')
    tally.add('clang-format', fine, tail)
    for script in sorted((ROOT / 'tools').glob('verify-*.py')):
        fine, tail = run(tally, [PYTHON, str(script), PLAIN], f'{PLAIN}/{script.name}.log')
        tally.add(script.name, fine, tail)
    fine, tail = run(tally, ['npm', '--silent', '--prefix', 'ui', 'run', 'check'], f'{PLAIN}/ui.log')
    tally.add('ui: types and texts', fine, tail)


def step_plain(tally, options):
    if build(tally, PLAIN, 'gcc', []):
        unit(tally, PLAIN)
        fine, tail = run(tally, [PYTHON, 'tools/check-symbols.py', PLAIN], f'{PLAIN}/symbols.log')
        tally.add('check-symbols.py', fine, tail)


def step_gcc(tally, options):
    if build(tally, GCC, 'gcc', GCC_OPTIONS):
        unit(tally, GCC, SANITIZER_ENVIRONMENT)


def step_clang(tally, options):
    if build(tally, CLANG, 'clang', CLANG_OPTIONS):
        unit(tally, CLANG, SANITIZER_ENVIRONMENT)


def fuzz_command(fuzzer, seconds):
    name = fuzzer.name.removeprefix('fuzz-')
    corpus = ROOT / CLANG / 'corpus' / name
    corpus.mkdir(parents=True, exist_ok=True)
    command = [str(fuzzer), f'-max_total_time={seconds * 40}', '-rss_limit_mb=2048', '-timeout=20',
               '-max_len=65536', '-print_final_stats=1', f'-artifact_prefix={ROOT / CLANG}/crash-{name}-']
    for dictionary in (ROOT / 'src').rglob(f'fuzz_{name.split("-")[-1]}.dict'):
        command.append(f'-dict={dictionary}')
    seeds = [str(d) for d in (ROOT / 'src').rglob(f'corpus_{name.split("-")[-1]}') if d.is_dir()]
    return name, [*command, str(corpus), *seeds]


def processor_time(pid):
    """Seconds that a process has used so far."""
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def fuzz(tally, fuzzer, seconds):
    """Run one fuzzer for so many seconds of processor time: what it gets to try does not depend on what else runs."""
    name, command = fuzz_command(fuzzer, seconds)
    log, stop_file = (ROOT / CLANG / f'fuzz-{name}.{end}' for end in ('log', 'stop'))
    stop_file.unlink(missing_ok=True)
    with open(log, 'wb') as out:
        process = start(tally, [*command, f'-stop_file={stop_file}'], out, SANITIZER_ENVIRONMENT)
        end = os.pidfd_open(process.pid)
        while processor_time(process.pid) < seconds and not select.select([end], [], [], 0.1)[0]:
            pass
        os.close(end)
        stop_file.write_text('enough\n')
        code = finish(tally, process)
    stop_file.unlink()
    return name, code == 0, '\n'.join(log.read_text(errors='replace').splitlines()[-40:])


def step_fuzz(tally, options):
    if not build(tally, CLANG, 'clang', CLANG_OPTIONS):
        return
    fuzzers = sorted(p for p in (ROOT / CLANG / 'src').glob('fuzz-*') if os.access(p, os.X_OK) and p.is_file())
    if not fuzzers:
        tally.add('fuzzers', False, 'none was built')
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as two:
        for name, fine, tail in two.map(lambda fuzzer: fuzz(tally, fuzzer, options.fuzz_seconds), fuzzers):
            tally.add(f'fuzz {name}', fine, tail)


def step_tidy(tally, options):
    if not (ROOT / CLANG / 'compile_commands.json').exists() and \
            not build(tally, CLANG, 'clang', CLANG_OPTIONS):
        return
    fine, tail = run(tally, ['run-clang-tidy', '-quiet', '-p', CLANG, '-j', str(os.cpu_count() or 2),
                      f'^{ROOT}/src/(?!.*/(test|fuzz)_)'], f'{CLANG}/tidy.log')
    text = re.sub(r'\x1b\[[0-9;]*m', '', (ROOT / CLANG / 'tidy.log').read_text(errors='replace'))
    errors = sorted({line for line in text.splitlines() if ' error: ' in line})
    tally.add('clang-tidy', fine, '\n'.join(errors) or tail)


def pytest(tally, label, binary, arguments, environment=None):
    junit = ROOT / PLAIN / f'{label}.xml'
    junit.unlink(missing_ok=True)
    # A short path: the names of Unix sockets have a limit.
    with tempfile.TemporaryDirectory(prefix='sealpost-') as directory:
        fine, tail = run(tally, [PYTHON, '-m', 'pytest', 'tests/system', '-q', '-p', 'no:cacheprovider', '-n', str(WORKERS),
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
    if build(tally, CLANG, 'clang', CLANG_OPTIONS):
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
FIRST = ('plain',)
BUSY = ('static', 'gcc', 'clang', 'tidy', 'fuzz')
WAITING = ('system', 'sanitized')
FAST = ('plain', 'static', 'system')


def take(name, options, gives_way=False):
    """One step, told of as it starts and ends."""
    started = time.monotonic()
    tally = Tally(gives_way)
    print(f'== {name}', flush=True)
    STEPS[name](tally, options)
    print(f'   {name}: {tally.passed} passed, {len(tally.failures)} failed, {time.monotonic() - started:.0f} s '
          f'({tally.processor:.0f} s of processors)', flush=True)
    return tally


def take_row(names, options, gives_way):
    return {name: take(name, options, gives_way) for name in names}


def take_all(names, options):
    """{name: what came of it}"""
    rows = [row for row in ([n for n in names if n in BUSY], [n for n in names if n in WAITING]) if row]
    try:
        done = take_row([n for n in names if n in FIRST], options, False)
        # Not by "with": that would wait for the others before they are stopped.
        both = concurrent.futures.ThreadPoolExecutor(max_workers=2)
        for row in concurrent.futures.as_completed([both.submit(take_row, row, options, len(rows) > 1 and row[0] in BUSY)
                                                    for row in rows]):
            done.update(row.result())
    except BaseException:
        stop()
        raise
    return done


def stop():
    """Leave nothing running behind."""
    STOPPED.set()
    for process in list(RUNNING):
        os.kill(process.pid, signal.SIGTERM)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--fast', action='store_true')
    parser.add_argument('--only', action='append', choices=STEPS, default=[])
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--fuzz-seconds', type=int, default=8, help='of processor time, per fuzzer')
    options = parser.parse_args()
    if options.list:
        print('\n'.join(f'{name:10} {(step.__doc__ or "").splitlines()[0] if step.__doc__ else ""}'
                        for name, step in STEPS.items()))
        return 0
    names = options.only or (FAST if options.fast else tuple(STEPS))
    started = time.monotonic()
    done = take_all(names, options)
    failures = [failure for name in names for failure in done[name].failures]
    skips = [skip for name in names for skip in done[name].skips]
    passed = sum(done[name].passed for name in names)
    for name, detail in failures:
        print(f'\nFAILED {name}\n{detail}')
    for name, reason in skips:
        print(f'skipped {name}: {reason}')
    print(f'{time.monotonic() - started:.0f} s')
    skipped = f', {len(skips)} skipped' if skips else ''
    print(f'{passed} passed, {len(failures)} failed{skipped}')
    return 1 if failures or passed == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
