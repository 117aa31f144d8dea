"""What monitoring reads: the text, the numbers in it, the dashboard and the rules."""
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import smtplib
import subprocess
import urllib.request

import pytest

from sealpost import free_port
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from waiting import wait_for
from web import Browser

MONITORING = pathlib.Path(__file__).resolve().parents[2] / 'packaging/monitoring'
PROMTOOL = shutil.which('promtool')
LINE = re.compile(r'(sealpost_\w+)(?:\{(.*)\})? (\S+)')


def parse(text):
    """{(name, ((label, value), ...)): number}; a series that stands there twice is a fault."""
    found = {}
    for line in text.splitlines():
        if line.startswith('#'):
            continue
        name, labels, number = LINE.fullmatch(line).groups()
        key = name, tuple(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or ''))
        assert key not in found, line
        found[key] = float(number)
    return found


def total(samples, name, **labels):
    """The sum of the series that have these labels."""
    return sum(number for (n, pairs), number in samples.items()
               if n == f'sealpost_{name}' and labels.items() <= dict(pairs).items())


def fetch(port):
    with urllib.request.urlopen(f'http://127.0.0.1:{port}/metrics', timeout=30) as answer:
        assert answer.headers['Content-Type'] == 'text/plain; version=0.0.4; charset=utf-8'
        return answer.read().decode()


def check_text(text):
    if PROMTOOL:
        done = subprocess.run([PROMTOOL, 'check', 'metrics'], input=text, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def pair(tmp_path, instances, authority):
    """ours sends to theirs: one domain by TLS with the name, one that asks for a name nobody has."""
    theirs = instances(tmp_path / 'theirs', 'mx.theirs.example', [('mx', authority.issue('mx.theirs.example'))]).start()
    theirs.apply({'organisations': [organisation('theirs')],
                  'domains': [local_domain('theirs.example', 'theirs', theirs)]})
    port = free_port()
    ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))], node={
        'metrics': {'listen': f'127.0.0.1:{port}'}, 'queue': QUICK_QUEUE}).start()
    target = [f'127.0.0.1:{theirs.port}']
    ours.apply({'organisations': [organisation('ours')],
                'domains': [local_domain('ours.example', 'ours', ours)],
                'connectors': [
                    own_server_by_address('ours'),
                    outbound_partner('ours', 'theirs', 'theirs.example', target, 'name', 'mx.theirs.example',
                                     authority.pem),
                    outbound_partner('ours', 'wrong', 'wrong.example', target, 'name', 'mx.wrong.example',
                                     authority.pem)]})
    ours.monitor = port
    return ours, theirs


def test_what_happens_is_counted(pair):
    ours, theirs = pair
    ours.send('eve@ours.example', 'bob@theirs.example')
    ours.send('eve@ours.example', 'eve@ours.example')
    theirs.send('joe@elsewhere.example', 'joe@theirs.example', tls=False)
    ours.send('eve@ours.example', 'bob@wrong.example')
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        theirs.send('joe@elsewhere.example', 'joe@nowhere.example')
    theirs.wait_mail('bob')
    ours.wait_mail('eve')

    def look():
        m = parse(fetch(ours.monitor))
        return total(m, 'requirement_unmet_total', reason='name-mismatch') >= 1 and \
            total(m, 'queue_destination_recipients', destination='partner', state='waiting') == 1 and \
            total(m, 'recipients_total', result='deferred', reason='name-mismatch', destination='partner') >= 1 and m
    m = wait_for(look, 'the message that waits to be counted', 90)
    assert total(m, 'ready') == 1
    assert total(m, 'received_messages_total', listener='mx', protection='encrypt') == 3
    in_clear = parse(theirs.cli('metrics').stdout)
    assert total(in_clear, 'received_messages_total', listener='mx', protection='clear', forced='no') == 1
    assert total(in_clear, 'refused_total', listener='mx', reason='relay-denied') == 1
    assert total(m, 'tls_handshakes_total', direction='in', version='TLSv1.3', resumed='no') == 3
    assert total(m, 'tls_handshake_seconds_count', direction='in') == 3
    assert total(m, 'tls_handshakes_total', direction='out', version='TLSv1.3') >= 2
    assert total(m, 'tls_handshake_seconds_count', direction='out') >= 2
    assert total(m, 'tls_ciphers_total', direction='in') == 3
    assert total(m, 'sent_transactions_total', destination='partner', protection='name', forced='yes') == 1
    assert total(m, 'recipients_total', result='relayed', destination='partner') + \
        total(m, 'recipients_total', result='delivered', destination='partner') == 1
    assert total(m, 'recipients_total', result='delivered', reason='ok', destination='maildir') == 1
    assert total(m, 'queue_messages') == 1
    assert total(m, 'commit_seconds_count') > 0
    assert total(m, 'signatures_total') >= 3
    assert total(m, 'disk_free_bytes') > 0
    assert total(m, 'configuration_generation') > 0
    processes = {dict(labels)['process'] for (name, labels) in m if name == 'sealpost_process_up'}
    assert processes >= {'receive/0', 'deliver/0', 'spool/0', 'keys/0', 'lookup/0', 'admin/0'}
    for process in processes | {'supervise/0'}:
        assert total(m, 'process_resident_memory_bytes', process=process) > 100000, process
        assert total(m, 'process_open_fds', process=process) > 2, process
        assert total(m, 'process_cpu_seconds_total', process=process) > 0, process
    ends = total(m, 'certificate_expiry_timestamp_seconds', certificate='mx')
    assert ends == pytest.approx(ends_of(ours, 'mx'), abs=1)


def ends_of(instance, name):
    """As openssl reads it."""
    chain = next(c['chain'] for c in instance.node['certificates'] if c['name'] == name)
    text = subprocess.run(['openssl', 'x509', '-in', chain, '-noout', '-enddate'], check=True, capture_output=True,
                          text=True, timeout=60).stdout.split('=', 1)[1].strip()
    moment = datetime.datetime.strptime(text, '%b %d %H:%M:%S %Y GMT')
    return moment.replace(tzinfo=datetime.timezone.utc).timestamp()


def test_the_text_is_what_prometheus_reads(pair):
    ours, _ = pair
    ours.send('eve@ours.example', 'bob@theirs.example')
    text = fetch(ours.monitor)
    parse(text)
    check_text(text)
    by_command = ours.cli('metrics').stdout
    check_text(by_command)
    assert {line for line in by_command.splitlines() if line.startswith('# TYPE')} >= \
        {line for line in text.splitlines() if line.startswith('# TYPE')}


def test_a_child_that_begins_anew_counts_anew(pair):
    ours, _ = pair
    ours.send('eve@ours.example', 'eve@ours.example')
    before = parse(fetch(ours.monitor))
    assert total(before, 'received_messages_total', process='receive/0') == 1
    os.kill(ours.pid_of('receive'), signal.SIGKILL)
    after = wait_for(lambda: total(m := parse(fetch(ours.monitor)), 'process_restarts_total', process='receive/0') == 1
                     and total(m, 'ready') == 1 and m, 'the process to be there again', 60)
    assert total(after, 'received_messages_total', process='receive/0') == 0
    assert total(after, 'queue_accepted_messages_total', process='spool/0') == \
        total(before, 'queue_accepted_messages_total', process='spool/0')


def test_log_ins_that_fail_are_counted(tmp_path, instances, authority):
    port = free_port()
    ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                     node={'admin': {'listen': f'127.0.0.1:{port}'}}).start()
    browser = Browser(port, authority)
    assert total(parse(ours.cli('metrics').stdout), 'admin_login_failures_total') == 0
    assert browser.ask('POST', '/v1/session', {'user': 'nobody', 'password': 'nothing at all'})[0] == 401
    assert total(parse(ours.cli('metrics').stdout), 'admin_login_failures_total', process='admin/0') == 1
    assert browser.ask('GET', '/metrics')[0] == 401
    assert browser.ask('GET', '/healthz') == (200, b'ok\n')
    assert browser.ask('GET', '/readyz') == (200, b'ready\n')


@pytest.mark.skipif(PROMTOOL is None, reason='promtool is not installed')
def test_rules_fire_on_what_they_are_for():
    for arguments in (['check', 'rules', 'alerts.yaml'], ['test', 'rules', 'alerts.test.yaml']):
        done = subprocess.run([PROMTOOL, *arguments], cwd=MONITORING, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboard_reads_what_the_server_writes(pair):
    """Names and labels are compared with the table by tools/verify-monitoring.py; here with a real server's answer."""
    ours, _ = pair
    text = fetch(ours.monitor)
    there = set(re.findall(r'^# TYPE (sealpost_\w+)', text, re.M))
    panels = json.loads((MONITORING / 'grafana-dashboard.json').read_text())['panels']
    assert all('unit' in p['fieldConfig']['defaults'] for p in panels if p['type'] != 'row')
    always = {'sealpost_ready', 'sealpost_queue_messages', 'sealpost_process_up', 'sealpost_commit_seconds',
              'sealpost_certificate_expiry_timestamp_seconds', 'sealpost_build_info', 'sealpost_disk_free_bytes'}
    assert always <= there
    assert len({p['id'] for p in panels}) == len(panels)
