#!/usr/bin/python3
"""How long the admin center takes until its overview is drawn, on loopback, in Chromium.

    bench/ui.py [--binary build/src/sealpost] [--connectors 50] [--rounds 10]

Starts a server with HTTPS and CONNECTORS connectors, and prints for a cold and a warm browser the median of the rounds, the
fastest and the slowest, and what came over the wire.  Nothing here is asserted by tests but the size (tests/ui/mail.mjs).
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests' / 'system'))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--binary', default=str(ROOT / 'build' / 'src' / 'sealpost'))
    parser.add_argument('--connectors', type=int, default=50)
    parser.add_argument('--rounds', type=int, default=10)
    options = parser.parse_args()
    os.environ['SEALPOST'] = str(pathlib.Path(options.binary).resolve())
    from certs import Authority
    from sealpost import Sealpost
    from setups import forced_pair, local_domain, organisation
    from ui import PASSWORD, setup_link, with_admin_center

    with tempfile.TemporaryDirectory(prefix='sealpost-bench-ui-') as directory:
        directory = pathlib.Path(directory)
        authority = Authority(directory / 'ca', 'Bench Root')
        server = with_admin_center(Sealpost, directory / 'server', authority)
        server.start()
        try:
            server.apply({
                'organisations': [organisation('contoso')], 'domains': [local_domain('contoso.example', 'contoso', server)],
                'connectors': [forced_pair('contoso', f'mx.partner{i}.example', f'partner{i}', f'partner{i}.example', '127.0.0.1:9',
                                           authority.pem) for i in range(options.connectors)]})
            link = setup_link(server)
            subprocess.run(['curl', '--silent', '--fail', '--insecure', '--resolve', f'{server.hostname}:{server.url.rsplit(":", 1)[1]}:127.0.0.1',
                            '--json', json.dumps({'token': link.rsplit('/', 1)[1], 'user': 'anna', 'password': PASSWORD}),
                            '--output', os.devnull, f'{server.url}/v1/setup'], check=True, timeout=60)
            print(f'the overview with {options.connectors} connectors, {options.rounds} rounds', flush=True)
            subprocess.run(['node', str(ROOT / 'tests' / 'ui' / 'load.mjs'), json.dumps({
                'url': server.url, 'user': 'anna', 'password': PASSWORD, 'rounds': options.rounds,
                'rows': min(options.connectors, 50)})], check=True, timeout=600)
        finally:
            server.stop()


main()
