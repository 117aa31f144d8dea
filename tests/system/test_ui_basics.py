"""The admin center's first screens, in a browser: log-in, overview, reports, certificates."""
from setups import forced_pair, local_domain, organisation
from ui import in_browser, setup_link, with_admin_center


def versions(sealpost):
    return {c['version']: c['state'] for c in sealpost.json('cert', 'list') if c['name'] == 'edge'}


def test_from_the_first_link_to_a_new_certificate(tmp_path, instances, authority):
    ours = with_admin_center(instances, tmp_path / 'ours', authority)
    ours.start()
    for number in (1, 2):
        certificate = authority.issue('mx.ours.example', file=f'edge-{number}')
        ours.cli('cert', 'import', 'edge', certificate.chain, certificate.key, '--trust', authority.certificate, '--node',
                 ours.directory / 'node.yaml')
    ours.apply({
        'organisations': [organisation('contoso', certificate='edge')],
        'domains': [local_domain('contoso.example', 'contoso', ours)],
        'connectors': [forced_pair('contoso', 'mx.fabrikam.example', 'fabrikam', 'fabrikam.example', '127.0.0.1:9', authority.pem)],
    })
    assert versions(ours) == {'1': 'current', '2': 'next'}
    in_browser('basics', url=ours.url, link=setup_link(ours))
    assert versions(ours) == {'1': 'deprecated', '2': 'current'}
