"""The admin center in a browser: an own server is connected by the wizard, and mail goes by it in both directions."""
import smtplib

from certs import Authority
from sealpost import client_context, message
from setups import QUICK_QUEUE, local_domain, organisation, outbound_partner, own_server_by_address
from ui import in_browser, setup_link, with_admin_center
from waiting import wait_for

DESK = '127.0.0.2'


def test_the_wizard_connects_the_own_server(tmp_path, instances, authority):
    """The company's mailboxes are on a server of its own, which has a CA of its own and sends everything by us."""
    ca = Authority(tmp_path / 'office-ca', 'Office Root')
    gate = with_admin_center(instances, tmp_path / 'gate', authority, 'mx.contoso.example', {'queue': QUICK_QUEUE})
    office = instances(tmp_path / 'office', 'mail.contoso.example', [('mx', ca.issue('mail.contoso.example'))])
    world = instances(tmp_path / 'world', 'mx.world.example', [('mx', authority.issue('mx.world.example'))])
    for instance in gate, office, world:
        instance.start()
    gate.apply({'organisations': [organisation('contoso')], 'domains': [{'name': 'contoso.example', 'organisation': 'contoso'}],
                'connectors': [outbound_partner('contoso', 'world', 'world.example', [f'127.0.0.1:{world.port}'])]})
    world.apply({'organisations': [organisation('world')], 'domains': [local_domain('world.example', 'world', world)]})
    office.apply({
        'organisations': [organisation('contoso')], 'domains': [local_domain('contoso.example', 'contoso', office)],
        'connectors': [own_server_by_address('contoso', [DESK], 'desks'),
                       outbound_partner('contoso', 'gate', 'world.example', [f'127.0.0.1:{gate.port}'], 'name',
                                        'mx.contoso.example', authority.pem, 'mx')]})
    in_browser('own', url=gate.url, link=setup_link(gate), office=f'127.0.0.1:{office.port}', root=ca.pem)

    made = gate.json('connector', 'show', 'contoso/office')
    assert made['type'] == 'on-premises' and made['one_direction'] is None
    assert made['inbound']['certificate_name'] == made['outbound']['tls_domain'] == 'mail.contoso.example'
    # What the browser sent has arrived, and so does what comes from outside.
    office.wait_mail('anna', 1, 60)
    gate.send('eve@world.example', 'anna@contoso.example')
    office.wait_mail('anna', 2, 60)
    # Out by us: the office is known by its certificate.
    with smtplib.SMTP('127.0.0.1', office.port, 'desk.example', timeout=60, source_address=(DESK, 0)) as client:
        client.starttls(context=client_context())
        client.sendmail('anna@contoso.example', ['eve@world.example'], message('anna@contoso.example', 'eve@world.example'))
    world.wait_mail('eve', timeout=60)
    item = wait_for(lambda: gate.json('trace', '--to', 'eve@world.example'), 'the trace', 60)[0]
    taken = next(e['receipt'] for e in gate.json('trace', item['id'])['events'] if e['kind'] == 'received')
    assert taken['connector'] == 'office' and taken['name_matched'] == 'mail.contoso.example', taken
