"""The admin center in a browser: two administrators force TLS both ways, and read how a message travelled."""
import json
import os
import pathlib
import re
import shutil
import smtplib
import subprocess

import pytest

from certs import Authority
from sealpost import client_context, free_port, message
from setups import QUICK_QUEUE, local_domain, organisation, own_server_by_address
from waiting import wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get('CHROMIUM', '/usr/bin/chromium')
OFFICE = '127.0.0.2'

needs_browser = pytest.mark.skipif(
    not (shutil.which('node') and pathlib.Path(CHROMIUM).exists() and (ROOT / 'ui' / 'node_modules').exists()),
    reason='needs node, chromium and the packages of ui/')


def company(name, tmp_path, instances):
    """A server with a CA, a mailbox server and an admin center of its own, and no connector to anybody."""
    ca = Authority(tmp_path / f'{name}-ca', f'{name} Root')
    certificate = ca.issue(f'mx.{name}.example')
    certificate.chain.write_text(certificate.chain.read_text() + ca.pem)
    port = free_port()
    it = instances(tmp_path / name, f'mx.{name}.example', [('mx', certificate)],
                   node={'queue': QUICK_QUEUE, 'admin': {'listen': f'127.0.0.1:{port}'}}).start()
    it.apply({'organisations': [organisation(name)], 'domains': [local_domain(f'{name}.example', name, it)],
              'connectors': [own_server_by_address(name, [OFFICE])]})
    link = wait_for(lambda: re.findall(r'admin\.setup_link.*?url="?([^" ]*)', it.log_text()), 'the first link', 60)[-1]
    it.told = {'link': link, 'url': link.split('/#')[0], 'smtp': f'127.0.0.1:{it.port}', 'root': ca.pem,
               'chain': certificate.chain.read_text()}
    return it


def send(instance, sender, recipient):
    """As the company's own mail server does; the id by which the trace knows it."""
    with smtplib.SMTP('127.0.0.1', instance.port, 'office.example', timeout=60, source_address=(OFFICE, 0)) as client:
        client.starttls(context=client_context())
        client.sendmail(sender, [recipient], message(sender, recipient))
    return wait_for(lambda: instance.json('trace', '--to', recipient, '--from', sender), 'the trace', 60)[0]['id']


@needs_browser
def test_two_administrators_force_tls_both_ways(tmp_path, instances):
    contoso, fabrikam = (company(name, tmp_path, instances) for name in ('contoso', 'fabrikam'))
    pictures = pathlib.Path(os.environ.get('PICTURES', ROOT / 'build' / 'screenshots')) / 'flow'
    question = {'contoso': contoso.told, 'fabrikam': fabrikam.told, 'pictures': str(pictures)}
    browser = subprocess.Popen(['node', ROOT / 'tests' / 'ui' / 'flow.mjs', json.dumps(question)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=open(tmp_path / 'browser.log', 'wb'), text=True,
                               env={**os.environ, 'CHROMIUM': CHROMIUM})
    told = []
    try:
        for line in browser.stdout:
            told.append(json.loads(line))
            if told[-1].get('want') != 'mail':
                continue
            id = send(contoso, 'anna@contoso.example', 'bob@fabrikam.example')
            fabrikam.wait_mail('bob', timeout=60)
            wait_for(lambda: any(e['kind'] == 'delivered' for e in contoso.json('trace', id)['events']), 'the story to end', 60)
            browser.stdin.write(json.dumps({'id': id}) + '\n')
            browser.stdin.flush()
        assert browser.wait(60) == 0 and told[-1] == {'step': 'done'}, \
            f'{told[-1:]}\n{(tmp_path / "browser.log").read_text()}'
    finally:
        if browser.poll() is None:
            browser.kill()
            browser.wait()
    # And back: fabrikam's server proves itself to contoso.
    send(fabrikam, 'bob@fabrikam.example', 'anna@contoso.example')
    contoso.wait_mail('anna', timeout=60)
    item = contoso.json('trace', '--to', 'anna@contoso.example')[0]
    taken = [e for e in contoso.json('trace', item['id'])['events'] if e['kind'] == 'received'][0]['receipt']
    assert taken['connector'] == 'fabrikam' and taken['name_matched'] == 'mx.fabrikam.example', taken
