"""Reports, searches by what a hop had, and evidence, of mail that really went; and who sees what of them."""
import csv
import html.parser
import io
import json

import pytest

from sealpost import free_port
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from test_tenants import ask_as, open_to_all
from waiting import wait_for

pytestmark = pytest.mark.sanitized

ANN, BOB = 4721, 4722  # user numbers that nobody has


def partner_in(owner, sender, **inbound):
    return {'name': 'partner', 'organisation': owner, 'inbound': {'sender_domains': [sender], **inbound}}


@pytest.fixture
def house(tmp_path, instances, authority):
    """Two organisations; alpha's partner must use TLS. One message each way, in clear and with TLS."""
    house = instances(tmp_path / 'house', 'mx.house.example', [('mx', authority.issue('mx.house.example'))],
                      node={'queue': QUICK_QUEUE, 'trace': {'subjects': True}}).start()
    house.apply({'organisations': [organisation('alpha', administrators=[str(ANN)]),
                                   organisation('zeta', administrators=[str(BOB)])],
                 'domains': [local_domain('alpha.example', 'alpha', house),
                             local_domain('zeta.example', 'zeta', house)],
                 'connectors': [partner_in('alpha', 'partner.example', require_tls=True)]})
    assert house.send('p@partner.example', 'u@alpha.example') == {}
    with house.smtp(tls=False) as client:
        client.sendmail('q@clear.example', ['v@zeta.example'], 'Subject: =cmd\r\nFrom: q@clear.example\r\n\r\nHello\r\n')
    with house.smtp(tls=False) as client, pytest.raises(Exception):
        client.sendmail('p@partner.example', ['u@alpha.example'], 'Subject: x\r\n\r\nHello\r\n')
    house.wait_mail('u')
    house.wait_mail('v')
    wait_for(lambda: len(house.json('trace', '--outcome', 'delivered')) == 2, 'both deliveries in the trace')
    wait_for(lambda: house.json('trace', '--outcome', 'refused'), 'the refusal in the trace')
    return house


def table(house, name, *options):
    report = house.json('report', name, *options)
    assert report['report'] == name
    return [dict(zip(report['columns'], row)) for row in report['rows']]


def count(rows, **where):
    return sum(r['recipients'] for r in rows if all(r[k] == v for k, v in where.items()))


def test_reports_tell_what_went(house):
    protection = table(house, 'protection')
    assert count(protection, direction='inbound', organisation='alpha', connector='partner', level='forced') == 1
    assert count(protection, direction='inbound', organisation='zeta', level='clear') == 1
    tls = table(house, 'tls', '--step=hour')
    assert count(tls, version='TLSv1.3') == 1 and count(tls, version=None) == 1, tls
    assert all(row['time'] for row in tls)
    assert next(r for r in tls if r['version'])['suite'].startswith('TLS_')
    outcomes = table(house, 'outcomes')
    assert count(outcomes, outcome='received') == 2 and count(outcomes, outcome='delivered') == 2, outcomes
    refused = [r for r in outcomes if r['outcome'] == 'refused']
    assert len(refused) == 1 and refused[0]['token'], outcomes
    clear = table(house, 'clear')
    assert [(r['direction'], r['domain'], r['recipients']) for r in clear] == [('inbound', 'clear.example', 1)]
    assert house.json('trace', clear[0]['message'])['message']['sender'] == 'q@clear.example'
    volume = table(house, 'volume', '--organisation=zeta')
    assert volume and all(r['organisation'] == 'zeta' for r in volume), volume
    assert count(volume, outcome='received') == 1 and volume[0]['bytes'] > 0
    ending = table(house, 'expiring')
    assert all(r['whose'] == 'own' for r in ending)
    far = house.json('report', 'expiring', '--until=2060-01-01')
    assert [r[far['columns'].index('name')] for r in far['rows']] == ['mx'], far
    assert table(house, 'volume', '--until=2026-01-01') == []
    assert table(house, 'tls', '--direction=outbound') == []


def test_reports_for_people_and_spreadsheets(house):
    text = house.cli('report', 'protection').stdout
    assert 'LEVEL' in text and 'forced' in text, text
    rows = list(csv.DictReader(io.StringIO(house.cli('report', 'protection', '--csv').stdout)))
    assert {r['level'] for r in rows} == {'forced', 'clear'}
    assert 'there is no report' in house.cli('report', 'nothing', check=False).stderr
    assert 'step' in house.cli('report', 'tls', '--step=week', check=False).stderr
    [(status, text)] = ask_as(house, 0, ('GET', '/v1/trace?format=csv', None))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert status == 200 and len(rows) == 3
    # What a spreadsheet would run is text there.
    assert {r['subject'] for r in rows if r['sender'] == 'q@clear.example'} == {"'=cmd"}, rows


def test_mail_is_found_by_its_hops(house):
    assert len(house.json('trace', '--tls=1.3')) == 1
    assert {i['sender'] for i in house.json('trace', '--tls=clear')} == {'q@clear.example', 'p@partner.example'}
    assert len(house.json('trace', '--tls=clear', '--outcome=refused', 'p@partner.example')) == 1
    assert len(house.json('trace', '--host=127.0.0.1')) == 3
    assert house.json('trace', '--host=127.0.0.1', '--tls=1.2') == []
    assert [i['sender'] for i in house.json('trace', '--subject', '=CMD')] == ['q@clear.example']
    assert 'tls' in house.cli('trace', '--tls=2', check=False).stderr


def test_subjects_are_kept_where_that_is_asked_for(tmp_path, instances, authority):
    ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))]).start()
    ours.apply({'organisations': [organisation('ours')], 'domains': [local_domain('ours.example', 'ours', ours)],
                'connectors': [own_server_by_address('ours')]})
    assert ours.send('a@x.example', 'u@ours.example') == {}
    item = wait_for(lambda: ours.json('trace', 'u@ours.example'), 'the message in the trace')[0]
    assert item['subject'] is None
    [(status, text)] = ask_as(ours, 0, ('GET', '/v1/trace?subject=test', None))
    assert status == 422 and 'trace.subjects' in text, (status, text)


class Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.seen = set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.seen.add(tag)
        assert not any(k in ('src', 'href') or k.startswith('on') for k, _ in attributes), (tag, attributes)


def test_evidence_tells_every_hop(house, tmp_path):
    item = house.json('trace', 'u@alpha.example', '--outcome=delivered')[0]
    page = tmp_path / 'page.html'
    house.cli('trace', 'show', item['id'], '--evidence', '--output', page)
    text = page.read_text()
    assert 'script' not in Tags(text).seen
    for said in (item['id'], 'p@partner.example', 'TLSv1.3', 'connector alpha/partner', 'generation', 'UTC',
                 '1. Received', '2. Delivered'):
        assert said in text, said
    plain = house.cli('trace', item['id'], '--evidence', '--format=text').stdout
    assert 'TLSv1.3' in plain and '<p' not in plain and '<h' not in plain, plain
    refused = house.cli('trace', '0000000000001', '--evidence', check=False)
    assert refused.returncode != 0 and 'no message' in refused.stderr


def test_who_manages_one_sees_its_own(house):
    open_to_all(house)
    mine = house.json('trace', 'u@alpha.example', '--outcome=delivered')[0]['id']
    theirs = house.json('trace', 'v@zeta.example')[0]['id']
    names = ('tls', 'protection', 'outcomes', 'clear', 'volume', 'expiring')
    answers = ask_as(house, ANN, *[('GET', f'/v1/reports/{n}?step=total', None) for n in names],
                     ('GET', '/v1/reports/volume?organisation=zeta', None),
                     ('GET', '/v1/reports/volume?connector=zeta/any', None),
                     ('GET', f'/v1/trace/{mine}/evidence', None), ('GET', f'/v1/trace/{theirs}/evidence', None),
                     ('GET', '/v1/trace?tls=clear', None), ('GET', '/v1/reports', None))
    reports = [json.loads(text) for status, text in answers[:6] if status == 200]
    assert len(reports) == 6, answers
    for report in reports:
        assert 'zeta' not in json.dumps(report) and 'clear.example' not in json.dumps(report), report
        if 'organisation' in report['columns'] and report['report'] != 'expiring':
            at = report['columns'].index('organisation')
            assert {row[at] for row in report['rows']} <= {'alpha'}, report
    by_name = {r['report']: [dict(zip(r['columns'], row)) for row in r['rows']] for r in reports}
    assert count(by_name['tls']) == 1 and by_name['clear'] == [] and by_name['expiring'] == []
    assert count(by_name['outcomes'], outcome='delivered') == 1
    assert [status for status, _ in answers[6:10]] == [403, 403, 200, 404], answers[6:]
    assert 'other organisations is left out' in answers[8][1]
    assert {i['sender'] for i in json.loads(answers[10][1])['items']} <= {'p@partner.example'}
    assert {i['name'] for i in json.loads(answers[11][1])['items']} == set(names)


def test_a_way_out_is_counted(tmp_path, instances, authority):
    """Mail that leaves by a connector that forces TLS, and mail that cannot."""
    theirs = instances(tmp_path / 'theirs', 'mx.theirs.example', [('mx', authority.issue('mx.theirs.example'))]).start()
    theirs.apply({'organisations': [organisation('theirs')],
                  'domains': [local_domain('theirs.example', 'theirs', theirs)]})
    ours = instances(tmp_path / 'ours', 'mx.ours.example', [('mx', authority.issue('mx.ours.example'))],
                     node={'queue': QUICK_QUEUE}).start()
    nobody = free_port()
    ours.apply({'organisations': [organisation('ours')], 'domains': [local_domain('ours.example', 'ours', ours)],
                'connectors': [own_server_by_address('ours'),
                               outbound_partner('ours', 'theirs', 'theirs.example', [f'127.0.0.1:{theirs.port}'],
                                                tls='name', tls_domain='mx.theirs.example', trust=authority.pem),
                               outbound_partner('ours', 'away', 'away.example', [f'127.0.0.1:{nobody}'],
                                                tls='encrypt')]})
    assert ours.send('a@ours.example', ['w@theirs.example', 'x@away.example']) == {}
    theirs.wait_mail('w')
    wait_for(lambda: ours.json('trace', 'x@away.example', '--outcome=deferred'), 'the failed attempt in the trace')
    wait_for(lambda: count(table(ours, 'protection'), direction='outbound', connector='theirs', level='forced') == 1,
             'the delivery in the report')
    outcomes = table(ours, 'outcomes', '--direction=outbound', '--connector=ours/away')
    assert count(outcomes, outcome='deferred') >= 1 and count(outcomes, outcome='delivered') == 0, outcomes
