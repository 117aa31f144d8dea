"""The admin center in a browser: a certificate is requested, signed by an authority, and brought; the next one is next."""
from test_rollover import states
from ui import in_browser, setup_link, with_admin_center


def test_from_the_request_to_the_next_version(tmp_path, instances, authority, foreign_authority):
    ours = with_admin_center(instances, tmp_path / 'ours', authority)
    ours.node['listeners'][0]['certificates'] = ['mx']
    ours.start()
    request, answer = tmp_path / 'shop.csr', tmp_path / 'shop.pem'
    other = foreign_authority.issue('shop.ours.example', file='other-shop')
    told = {'url': ours.url, 'link': setup_link(ours), 'request': str(request), 'answer': str(answer), 'root': authority.pem,
            'foreign': other.chain.read_text(), 'key': other.key.read_text()}
    in_browser('certs', part='first', **told)
    authority._sign(request, answer, 'leaf')
    in_browser('certs', part='bring', **told)
    assert states(ours, 'shop') == {'1': 'current'}
    item = next(c for c in ours.json('cert', 'list') if c['name'] == 'shop')
    assert item['chain'][0]['names'] == ['shop.ours.example'] and 'O=Ours' in item['chain'][0]['subject'].replace(' ', '')
    in_browser('certs', part='next', **told)
    assert states(ours, 'shop') == {'1': 'current', '2': 'next'}
    assert ours.json('api', 'GET', '/v1/certificates/requests')['items'] == []
