"""The admin center in a browser: two administrators force TLS both ways, and read how a message travelled."""
import smtplib

from certs import Authority
from sealpost import client_context, message
from setups import QUICK_QUEUE, local_domain, organisation, own_server_by_address
from ui import in_browser, setup_link, with_admin_center
from waiting import wait_for

OFFICE = '127.0.0.2'


def company(name, tmp_path, instances):
    """A server with a CA, a mailbox server and an admin center of its own, and no connector to anybody."""
    ca = Authority(tmp_path / f'{name}-ca', f'{name} Root')
    it = with_admin_center(instances, tmp_path / name, ca, f'mx.{name}.example', {'queue': QUICK_QUEUE})
    with open(it.node['certificates'][0]['chain'], 'a+') as file:
        file.write(ca.pem)  # so that the kit can hand out the root
        file.seek(0)
        chain = file.read()
    it.start()
    it.apply({'organisations': [organisation(name)], 'domains': [local_domain(f'{name}.example', name, it)],
              'connectors': [own_server_by_address(name, [OFFICE])]})
    it.told = {'url': it.url, 'link': setup_link(it), 'smtp': f'127.0.0.1:{it.port}', 'root': ca.pem, 'chain': chain}
    return it


def send(instance, sender, recipient):
    """As the company's own mail server does; the id by which the trace knows it."""
    with smtplib.SMTP('127.0.0.1', instance.port, 'office.example', timeout=60, source_address=(OFFICE, 0)) as client:
        client.starttls(context=client_context())
        client.sendmail(sender, [recipient], message(sender, recipient))
    return wait_for(lambda: instance.json('trace', '--to', recipient, '--from', sender), 'the trace', 60)[0]['id']


def test_two_administrators_force_tls_both_ways(tmp_path, instances):
    contoso, fabrikam = (company(name, tmp_path, instances) for name in ('contoso', 'fabrikam'))
    told = {'contoso': contoso.told, 'fabrikam': fabrikam.told, 'kit': str(tmp_path / 'kit.json')}
    for part in ('wizard', 'kit', 'connector'):
        in_browser('flow', part=part, **told)
    id = send(contoso, 'anna@contoso.example', 'bob@fabrikam.example')
    fabrikam.wait_mail('bob', timeout=60)
    wait_for(lambda: any(e['kind'] == 'delivered' for e in contoso.json('trace', id)['events']), 'the story to end', 60)
    in_browser('flow', part='message', id=id, **told)
    # And back: fabrikam's server proves itself to contoso.
    send(fabrikam, 'bob@fabrikam.example', 'anna@contoso.example')
    contoso.wait_mail('anna', timeout=60)
    item = contoso.json('trace', '--to', 'anna@contoso.example')[0]
    taken = [e for e in contoso.json('trace', item['id'])['events'] if e['kind'] == 'received'][0]['receipt']
    assert taken['connector'] == 'fabrikam' and taken['name_matched'] == 'mx.fabrikam.example', taken
