-- trace.db as a server with schema 6 left it.
BEGIN TRANSACTION;
CREATE TABLE acceptance( certificate TEXT NOT NULL, version TEXT NOT NULL, sha256 TEXT NOT NULL, partner TEXT NOT NULL, direction INT NOT NULL, organisation TEXT, accepted INT NOT NULL, refused INT NOT NULL, first INT NOT NULL, last INT NOT NULL, last_refused INT NOT NULL, reason TEXT, PRIMARY KEY(certificate, version, sha256, partner, direction)) WITHOUT ROWID;
CREATE TABLE alarm( id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, organisation TEXT, subject TEXT NOT NULL, text TEXT, first INT NOT NULL, last INT NOT NULL, count INT NOT NULL, over INT NOT NULL, acknowledged INT NOT NULL, acknowledged_by TEXT);
INSERT INTO "alarm" VALUES(1,'partner-certificate-changed','contoso','connector contoso/fabrikam (outbound), chain df0609a54366e79f','127.0.0.1:12530 presents a certificate that was not seen before (outbound): another key (ECDSA P-256); names were mx.fabrikam.example, are www.fabrikam.example; valid from 2026-11-22 to 2027-11-22 (before: to 2027-11-22); verdict: trusted; if this is right: sealpost chain accept, see sealpost chain list',1795336438359,1795336438359,1,0,0,NULL);
CREATE TABLE chain( id INTEGER PRIMARY KEY AUTOINCREMENT, partner TEXT NOT NULL, direction INT NOT NULL, sha256 TEXT NOT NULL, organisation TEXT, connector TEXT, host TEXT, address TEXT, asked TEXT, verdict INT NOT NULL, first INT NOT NULL, last INT NOT NULL, seen INT NOT NULL, accepted INT NOT NULL, accepted_by TEXT, not_after INT NOT NULL, facts TEXT NOT NULL, pem TEXT NOT NULL);
INSERT INTO "chain" VALUES(1,'connector contoso/fabrikam',1,'20fa53dded3951b7322bf3f61accb152c9a35802c51cc5019d74e1b54aa08913','contoso','fabrikam','127.0.0.1:12530','127.0.0.1','mx.fabrikam.example',1,1795336436900,1795336436900,1,1795336436900,NULL,1826872435000,'{"certificates":[{"subject":"CN=mx.fabrikam.example","issuer":"CN=Fabrikam CA","common_name":"mx.fabrikam.example","serial":"0c2f9ffae6ab5c32fcc996c0b31dd7b798770106","sha256":"cf3115f3a78358472e21f3d90712749bd509011ef40722c1ff490f43d01045a3","spki_sha256":"ae6740db0914f30c0de6e2d9762cef9b0584cb12660e437c1c57d29167928463","not_before":"2026-11-22T08:33:55.000Z","not_after":"2027-11-22T08:33:55.000Z","names":["mx.fabrikam.example"],"has_san":true,"key":"ECDSA P-256","key_bits":256,"signature":"ecdsa-with-SHA256","has_eku":true,"allows_client":true,"allows_server":true},{"subject":"CN=Fabrikam CA","issuer":"CN=Fabrikam CA","common_name":"Fabrikam CA","serial":"54c087b6df6779eaaecab1ae17a2ad85acbfe0e7","sha256":"7b9204a3e075601ec119a52c8d5232d8b890e2451c0c24dedbce2e784c1f958e","spki_sha256":"67fdc26a54ae5f401dca55d171a486e8e969758e349175e056741abe0ecb1fb2","not_before":"2026-11-22T08:33:55.000Z","not_after":"2036-11-19T08:33:55.000Z","key":"ECDSA P-256","key_bits":256,"signature":"ecdsa-with-SHA256","is_ca":true,"is_self_signed":true,"allows_client":true,"allows_server":true}],"root":"CN=Fabrikam CA","root_sha256":"7b9204a3e075601ec119a52c8d5232d8b890e2451c0c24dedbce2e784c1f958e","root_not_after":"2036-11-19T08:33:55.000Z"}','-----BEGIN CERTIFICATE-----
MIIBxDCCAWqgAwIBAgIUDC+f+uarXDL8yZbAsx3Xt5h3AQYwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLRmFicmlrYW0gQ0EwHhcNMjYxMTIyMDgzMzU1WhcNMjcxMTIy
MDgzMzU1WjAeMRwwGgYDVQQDDBNteC5mYWJyaWthbS5leGFtcGxlMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAECq5dpusNnGCD249oqp9uB99E+UA+S6QD01rq9Yxw
8QKj3xglzDVwRkgBZmylJCG0z3AIrC4FfUrXq94rgFFhMaOBjTCBijAeBgNVHREE
FzAVghNteC5mYWJyaWthbS5leGFtcGxlMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggr
BgEFBQcDAjAJBgNVHRMEAjAAMB0GA1UdDgQWBBSyGM6Hu1aOuuOh1XVjustTCXaW
4DAfBgNVHSMEGDAWgBQlZUk96z36UXcEED3zijQJO2jGdTAKBggqhkjOPQQDAgNI
ADBFAiA+uHz4hfsH2GeZvnbU7QhMvBc8x00loE5k3Z1BgSOMFwIhAOulk7OzyJgS
j8wIO3MVOtnMRVKCnq9leb19zgKLUFFG
-----END CERTIFICATE-----
-----BEGIN CERTIFICATE-----
MIIBkjCCATegAwIBAgIUVMCHtt9neequyrGuF6Kthay/4OcwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLRmFicmlrYW0gQ0EwHhcNMjYxMTIyMDgzMzU1WhcNMzYxMTE5
MDgzMzU1WjAWMRQwEgYDVQQDDAtGYWJyaWthbSBDQTBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABAd1DRAg9QyVKCftbnAW9vHHJqEmZLdOLWtJY+6PaCbE5b40ROcA
ovV2iwBuYpdj7dabxdH/D5cxTnPaxba9xBGjYzBhMB0GA1UdDgQWBBQlZUk96z36
UXcEED3zijQJO2jGdTAfBgNVHSMEGDAWgBQlZUk96z36UXcEED3zijQJO2jGdTAP
BgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAKBggqhkjOPQQDAgNJADBG
AiEApT9WJi5dH5nK5PHnBwYqqVDP77JNSuDdnLpIqElNcYkCIQDIy+svZbh48Dua
qejmhAB5gjayQayIFt+2x5F8YjPvwg==
-----END CERTIFICATE-----
');
INSERT INTO "chain" VALUES(2,'connector contoso/fabrikam',0,'20fa53dded3951b7322bf3f61accb152c9a35802c51cc5019d74e1b54aa08913','contoso','fabrikam','mx.fabrikam.example','127.0.0.1','mx.fabrikam.example',1,1795336437613,1795336437613,1,1795336437613,NULL,1826872435000,'{"certificates":[{"subject":"CN=mx.fabrikam.example","issuer":"CN=Fabrikam CA","common_name":"mx.fabrikam.example","serial":"0c2f9ffae6ab5c32fcc996c0b31dd7b798770106","sha256":"cf3115f3a78358472e21f3d90712749bd509011ef40722c1ff490f43d01045a3","spki_sha256":"ae6740db0914f30c0de6e2d9762cef9b0584cb12660e437c1c57d29167928463","not_before":"2026-11-22T08:33:55.000Z","not_after":"2027-11-22T08:33:55.000Z","names":["mx.fabrikam.example"],"has_san":true,"key":"ECDSA P-256","key_bits":256,"signature":"ecdsa-with-SHA256","has_eku":true,"allows_client":true,"allows_server":true},{"subject":"CN=Fabrikam CA","issuer":"CN=Fabrikam CA","common_name":"Fabrikam CA","serial":"54c087b6df6779eaaecab1ae17a2ad85acbfe0e7","sha256":"7b9204a3e075601ec119a52c8d5232d8b890e2451c0c24dedbce2e784c1f958e","spki_sha256":"67fdc26a54ae5f401dca55d171a486e8e969758e349175e056741abe0ecb1fb2","not_before":"2026-11-22T08:33:55.000Z","not_after":"2036-11-19T08:33:55.000Z","key":"ECDSA P-256","key_bits":256,"signature":"ecdsa-with-SHA256","is_ca":true,"is_self_signed":true,"allows_client":true,"allows_server":true}],"root":"CN=Fabrikam CA","root_sha256":"7b9204a3e075601ec119a52c8d5232d8b890e2451c0c24dedbce2e784c1f958e","root_not_after":"2036-11-19T08:33:55.000Z"}','-----BEGIN CERTIFICATE-----
MIIBxDCCAWqgAwIBAgIUDC+f+uarXDL8yZbAsx3Xt5h3AQYwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLRmFicmlrYW0gQ0EwHhcNMjYxMTIyMDgzMzU1WhcNMjcxMTIy
MDgzMzU1WjAeMRwwGgYDVQQDDBNteC5mYWJyaWthbS5leGFtcGxlMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAECq5dpusNnGCD249oqp9uB99E+UA+S6QD01rq9Yxw
8QKj3xglzDVwRkgBZmylJCG0z3AIrC4FfUrXq94rgFFhMaOBjTCBijAeBgNVHREE
FzAVghNteC5mYWJyaWthbS5leGFtcGxlMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggr
BgEFBQcDAjAJBgNVHRMEAjAAMB0GA1UdDgQWBBSyGM6Hu1aOuuOh1XVjustTCXaW
4DAfBgNVHSMEGDAWgBQlZUk96z36UXcEED3zijQJO2jGdTAKBggqhkjOPQQDAgNI
ADBFAiA+uHz4hfsH2GeZvnbU7QhMvBc8x00loE5k3Z1BgSOMFwIhAOulk7OzyJgS
j8wIO3MVOtnMRVKCnq9leb19zgKLUFFG
-----END CERTIFICATE-----
-----BEGIN CERTIFICATE-----
MIIBkjCCATegAwIBAgIUVMCHtt9neequyrGuF6Kthay/4OcwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLRmFicmlrYW0gQ0EwHhcNMjYxMTIyMDgzMzU1WhcNMzYxMTE5
MDgzMzU1WjAWMRQwEgYDVQQDDAtGYWJyaWthbSBDQTBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABAd1DRAg9QyVKCftbnAW9vHHJqEmZLdOLWtJY+6PaCbE5b40ROcA
ovV2iwBuYpdj7dabxdH/D5cxTnPaxba9xBGjYzBhMB0GA1UdDgQWBBQlZUk96z36
UXcEED3zijQJO2jGdTAfBgNVHSMEGDAWgBQlZUk96z36UXcEED3zijQJO2jGdTAP
BgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAKBggqhkjOPQQDAgNJADBG
AiEApT9WJi5dH5nK5PHnBwYqqVDP77JNSuDdnLpIqElNcYkCIQDIy+svZbh48Dua
qejmhAB5gjayQayIFt+2x5F8YjPvwg==
-----END CERTIFICATE-----
');
INSERT INTO "chain" VALUES(3,'connector contoso/fabrikam',1,'df0609a54366e79fa0234bfb927970a6c0cdc6ae6dee9afb28ac4d57b33f336b','contoso','fabrikam','127.0.0.1:12530','127.0.0.1','mx.fabrikam.example',1,1795336438359,1795336438359,1,0,NULL,1826872438000,'{"certificates":[{"subject":"CN=www.fabrikam.example","issuer":"CN=Fabrikam CA","common_name":"www.fabrikam.example","serial":"0c2f9ffae6ab5c32fcc996c0b31dd7b798770107","sha256":"21a60e48314f38a9c6a9a3c5dc7372ba253bb5fc0244665bcd97f1a187423b84","spki_sha256":"3f025f59fe9281c9567c1e9b271e9d36c4bb3a858aaacb1a3e5c12c1efed1ece","not_before":"2026-11-22T08:33:58.000Z","not_after":"2027-11-22T08:33:58.000Z","names":["www.fabrikam.example"],"has_san":true,"key":"ECDSA P-256","key_bits":256,"signature":"ecdsa-with-SHA256","has_eku":true,"allows_client":true,"allows_server":true},{"subject":"CN=Fabrikam CA","issuer":"CN=Fabrikam CA","common_name":"Fabrikam CA","serial":"54c087b6df6779eaaecab1ae17a2ad85acbfe0e7","sha256":"7b9204a3e075601ec119a52c8d5232d8b890e2451c0c24dedbce2e784c1f958e","spki_sha256":"67fdc26a54ae5f401dca55d171a486e8e969758e349175e056741abe0ecb1fb2","not_before":"2026-11-22T08:33:55.000Z","not_after":"2036-11-19T08:33:55.000Z","key":"ECDSA P-256","key_bits":256,"signature":"ecdsa-with-SHA256","is_ca":true,"is_self_signed":true,"allows_client":true,"allows_server":true}],"root":"CN=Fabrikam CA","root_sha256":"7b9204a3e075601ec119a52c8d5232d8b890e2451c0c24dedbce2e784c1f958e","root_not_after":"2036-11-19T08:33:55.000Z"}','-----BEGIN CERTIFICATE-----
MIIBxjCCAWygAwIBAgIUDC+f+uarXDL8yZbAsx3Xt5h3AQcwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLRmFicmlrYW0gQ0EwHhcNMjYxMTIyMDgzMzU4WhcNMjcxMTIy
MDgzMzU4WjAfMR0wGwYDVQQDDBR3d3cuZmFicmlrYW0uZXhhbXBsZTBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABKFaOPSTIME2OIVNDZK9wz/orHguxkRYaF84hPMq
33G9Hc33YdID2qSifIsFf51aFkW3ltFjrVnEsMR5ItMHMtCjgY4wgYswHwYDVR0R
BBgwFoIUd3d3LmZhYnJpa2FtLmV4YW1wbGUwHQYDVR0lBBYwFAYIKwYBBQUHAwEG
CCsGAQUFBwMCMAkGA1UdEwQCMAAwHQYDVR0OBBYEFGp6yeM8qrlc6+2+Baw8CQPj
vfXHMB8GA1UdIwQYMBaAFCVlST3rPfpRdwQQPfOKNAk7aMZ1MAoGCCqGSM49BAMC
A0gAMEUCIQD7fW+wMUnrRVx3+XMqY0kifiCupFUns6f1arq2iIEsVQIgXzPj1s9V
mmfD4K7Nv+RQlBeQOZxF9T/ACjNKGpbVAfI=
-----END CERTIFICATE-----
-----BEGIN CERTIFICATE-----
MIIBkjCCATegAwIBAgIUVMCHtt9neequyrGuF6Kthay/4OcwCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLRmFicmlrYW0gQ0EwHhcNMjYxMTIyMDgzMzU1WhcNMzYxMTE5
MDgzMzU1WjAWMRQwEgYDVQQDDAtGYWJyaWthbSBDQTBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABAd1DRAg9QyVKCftbnAW9vHHJqEmZLdOLWtJY+6PaCbE5b40ROcA
ovV2iwBuYpdj7dabxdH/D5cxTnPaxba9xBGjYzBhMB0GA1UdDgQWBBQlZUk96z36
UXcEED3zijQJO2jGdTAfBgNVHSMEGDAWgBQlZUk96z36UXcEED3zijQJO2jGdTAP
BgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAKBggqhkjOPQQDAgNJADBG
AiEApT9WJi5dH5nK5PHnBwYqqVDP77JNSuDdnLpIqElNcYkCIQDIy+svZbh48Dua
qejmhAB5gjayQayIFt+2x5F8YjPvwg==
-----END CERTIFICATE-----
');
CREATE TABLE clear_domain( day INT NOT NULL, direction INT NOT NULL, organisation TEXT NOT NULL, domain TEXT NOT NULL, host TEXT, recipients INT NOT NULL, first INT NOT NULL, last INT NOT NULL, sample INT NOT NULL, PRIMARY KEY(day, direction, organisation, domain)) WITHOUT ROWID;
CREATE TABLE connector_day( organisation TEXT NOT NULL, connector TEXT NOT NULL, direction INT NOT NULL, day INT NOT NULL, tally INT NOT NULL, token TEXT NOT NULL, host TEXT NOT NULL, name TEXT, count INT NOT NULL, first INT NOT NULL, last INT NOT NULL, sample INT NOT NULL, PRIMARY KEY(organisation, connector, direction, day, tally, token, host)) WITHOUT ROWID;
INSERT INTO "connector_day" VALUES('contoso','fabrikam',0,20779,0,'ok','127.0.0.1','mx.fabrikam.example',1,1795336437613,1795336437613,912259600038756352);
INSERT INTO "connector_day" VALUES('contoso','fabrikam',1,20779,0,'ok','127.0.0.1',NULL,2,1795336437069,1795336438801,912259602760859648);
INSERT INTO "connector_day" VALUES('contoso','fabrikam',1,20779,2,'name-mismatch','127.0.0.1',NULL,1,1795336438360,1795336438360,912259602760859648);
INSERT INTO "connector_day" VALUES('contoso','office',0,20779,0,'ok','127.0.0.2','message.eml',3,1795336436676,1795336440317,912259611380154368);
CREATE TABLE event( sequence INTEGER PRIMARY KEY, key INT NOT NULL, at INT NOT NULL, kind TEXT, sender TEXT, recipient TEXT, organisation TEXT, connector TEXT, token TEXT, enhanced TEXT, text TEXT, message_id TEXT, size INT NOT NULL, receipt TEXT, would_token TEXT, would_text TEXT, would_by TEXT);
INSERT INTO "event" VALUES(1,912259596108693504,1795336436676,'received','anna@contoso.example','bob@fabrikam.example','contoso','office','ok',NULL,'Originating from organisation contoso: connector contoso/office by address 127.0.0.2','<31949.3253130042@demo.example>',573,'{"at":"2026-11-22T08:33:56.608Z","host":"office.contoso.example","peer_address":"127.0.0.2","peer_port":36282,"listener":"mx","organisation":"contoso","connector":"office","required":"encrypt","required_by":["connector contoso/office (encrypt)"],"attempt":"full","got":"encrypt","version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384","group":"x25519","own_certificate":"mx","own_sha256":"340f7f164b068a7ab1023f3b9882789a7abf3f2949a546241cc6caca4676bed4","anchors":"system","token":"ok","reason":"Originating from organisation contoso: connector contoso/office by address 127.0.0.2","handshake":"4ms","total":"68ms","reply":"250 2.0.0 Ok"}',NULL,NULL,NULL);
INSERT INTO "event" VALUES(2,912259596108693504,1795336437069,'delivered','anna@contoso.example','bob@fabrikam.example','contoso','fabrikam','ok','2.0.0','250 2.0.0 Ok: queued as 0SA7Z8N940000','<31949.3253130042@demo.example>',573,'{"direction":"out","at":"2026-11-22T08:33:56.678Z","host":"127.0.0.1","peer_address":"127.0.0.1","peer_port":12530,"organisation":"contoso","connector":"fabrikam","required":"name","required_by":["connector contoso/fabrikam (name)"],"name_expected":"mx.fabrikam.example","attempt":"full","got":"name","version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384","group":"x25519","own_certificate":"mx","own_sha256":"340f7f164b068a7ab1023f3b9882789a7abf3f2949a546241cc6caca4676bed4","chain":[{"subject":"CN=mx.fabrikam.example","issuer":"CN=Fabrikam CA","common_name":"mx.fabrikam.example","serial":"0c2f9ffae6ab5c32fcc996c0b31dd7b798770106","sha256":"cf3115f3a78358472e21f3d90712749bd509011ef40722c1ff490f43d01045a3","spki_sha256":"ae6740db0914f30c0de6e2d9762cef9b0584cb12660e437c1c57d29167928463","not_before":"2026-11-22T08:33:55.000Z","not_after":"2027-11-22T08:33:55.000Z","names":["mx.fabrikam.example"],"has_san":true,"key":"ECDSA P-256","key_bits":256,"signature":"ecdsa-with-SHA256","has_eku":true,"allows_client":true,"allows_server":true},{"subject":"CN=Fabrikam CA","issuer":"CN=Fabrikam CA","common_name":"Fabrikam CA","serial":"54c087b6df6779eaaecab1ae17a2ad85acbfe0e7","sha256":"7b9204a3e075601ec119a52c8d5232d8b890e2451c0c24dedbce2e784c1f958e","spki_sha256":"67fdc26a54ae5f401dca55d171a486e8e969758e349175e056741abe0ecb1fb2","not_before":"2026-11-22T08:33:55.000Z","not_after":"2036-11-19T08:33:55.000Z","key":"ECDSA P-256","key_bits":256,"signature":"ecdsa-with-SHA256","is_ca":true,"is_self_signed":true,"allows_client":true,"allows_server":true}],"name_matched":"mx.fabrikam.example","verdict":"trusted","revocation":"unknown: certificate 1: no-endpoint: the certificate says of no list or responder that could be asked","anchors":"connector contoso/fabrikam","token":"ok","reason":"Accepted by the next hop","handshake":"18ms","total":"392ms","reply":"250 2.0.0 Ok: queued as 0SA7Z8N940000"}',NULL,NULL,NULL);
INSERT INTO "event" VALUES(3,912259600038756352,1795336437613,'received','bob@fabrikam.example','anna@contoso.example','contoso','fabrikam','ok',NULL,'Incoming for organisation contoso by connector contoso/fabrikam','<31949.2523331843@demo.example>',844,'{"at":"2026-11-22T08:33:57.486Z","host":"mx.fabrikam.example","peer_address":"127.0.0.1","peer_port":44930,"listener":"mx","organisation":"contoso","connector":"fabrikam","required":"name","required_by":["connector contoso/fabrikam (name)"],"name_expected":"mx.fabrikam.example","attempt":"full","got":"name","version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384","group":"x25519","own_certificate":"mx","own_sha256":"340f7f164b068a7ab1023f3b9882789a7abf3f2949a546241cc6caca4676bed4","chain":[{"subject":"CN=mx.fabrikam.example","issuer":"CN=Fabrikam CA","common_name":"mx.fabrikam.example","serial":"0c2f9ffae6ab5c32fcc996c0b31dd7b798770106","sha256":"cf3115f3a78358472e21f3d90712749bd509011ef40722c1ff490f43d01045a3","spki_sha256":"ae6740db0914f30c0de6e2d9762cef9b0584cb12660e437c1c57d29167928463","not_before":"2026-11-22T08:33:55.000Z","not_after":"2027-11-22T08:33:55.000Z","names":["mx.fabrikam.example"],"has_san":true,"key":"ECDSA P-256","key_bits":256,"signature":"ecdsa-with-SHA256","has_eku":true,"allows_client":true,"allows_server":true},{"subject":"CN=Fabrikam CA","issuer":"CN=Fabrikam CA","common_name":"Fabrikam CA","serial":"54c087b6df6779eaaecab1ae17a2ad85acbfe0e7","sha256":"7b9204a3e075601ec119a52c8d5232d8b890e2451c0c24dedbce2e784c1f958e","spki_sha256":"67fdc26a54ae5f401dca55d171a486e8e969758e349175e056741abe0ecb1fb2","not_before":"2026-11-22T08:33:55.000Z","not_after":"2036-11-19T08:33:55.000Z","key":"ECDSA P-256","key_bits":256,"signature":"ecdsa-with-SHA256","is_ca":true,"is_self_signed":true,"allows_client":true,"allows_server":true}],"name_matched":"mx.fabrikam.example","verdict":"trusted","revocation":"unknown: certificate 1: no-endpoint: the certificate says of no list or responder that could be asked","anchors":"connector contoso/fabrikam","token":"ok","reason":"Incoming for organisation contoso by connector contoso/fabrikam","handshake":"5ms","total":"126ms","reply":"250 2.0.0 Ok"}',NULL,NULL,NULL);
INSERT INTO "event" VALUES(4,912259600038756352,1795336437618,'delivered','bob@fabrikam.example','anna@contoso.example','contoso',NULL,'ok','2.0.0','written to the Maildir','<31949.2523331843@demo.example>',844,'{"direction":"out","at":"2026-11-22T08:33:57.617Z","host":"mx.contoso.example","organisation":"contoso","attempt":"local","token":"ok","reason":"written to the Maildir","total":"2ms"}',NULL,NULL,NULL);
INSERT INTO "event" VALUES(5,912259602760859648,1795336438262,'received','anna@contoso.example','bob@fabrikam.example','contoso','office','ok',NULL,'Originating from organisation contoso: connector contoso/office by address 127.0.0.2','<31949.49612603@demo.example>',580,'{"at":"2026-11-22T08:33:58.256Z","host":"office.contoso.example","peer_address":"127.0.0.2","peer_port":36292,"listener":"mx","organisation":"contoso","connector":"office","required":"encrypt","required_by":["connector contoso/office (encrypt)"],"attempt":"full","got":"encrypt","version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384","group":"x25519","own_certificate":"mx","own_sha256":"340f7f164b068a7ab1023f3b9882789a7abf3f2949a546241cc6caca4676bed4","anchors":"system","token":"ok","reason":"Originating from organisation contoso: connector contoso/office by address 127.0.0.2","handshake":"5ms","total":"6ms","reply":"250 2.0.0 Ok"}',NULL,NULL,NULL);
INSERT INTO "event" VALUES(6,912259602760859648,1795336438360,'deferred','anna@contoso.example','bob@fabrikam.example','contoso','fabrikam','name-mismatch','4.7.5','The certificate of 127.0.0.1 does not carry the name that is required: expected mx.fabrikam.example, presented www.fabrikam.example; required by connector contoso/fabrikam (name)','<31949.49612603@demo.example>',580,'{"direction":"out","at":"2026-11-22T08:33:58.264Z","host":"127.0.0.1","peer_address":"127.0.0.1","peer_port":12530,"organisation":"contoso","connector":"fabrikam","required":"name","required_by":["connector contoso/fabrikam (name)"],"name_expected":"mx.fabrikam.example","attempt":"full","got":"chain","version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384","group":"x25519","own_certificate":"mx","own_sha256":"340f7f164b068a7ab1023f3b9882789a7abf3f2949a546241cc6caca4676bed4","chain":[{"subject":"CN=www.fabrikam.example","issuer":"CN=Fabrikam CA","common_name":"www.fabrikam.example","serial":"0c2f9ffae6ab5c32fcc996c0b31dd7b798770107","sha256":"21a60e48314f38a9c6a9a3c5dc7372ba253bb5fc0244665bcd97f1a187423b84","spki_sha256":"3f025f59fe9281c9567c1e9b271e9d36c4bb3a858aaacb1a3e5c12c1efed1ece","not_before":"2026-11-22T08:33:58.000Z","not_after":"2027-11-22T08:33:58.000Z","names":["www.fabrikam.example"],"has_san":true,"key":"ECDSA P-256","key_bits":256,"signature":"ecdsa-with-SHA256","has_eku":true,"allows_client":true,"allows_server":true},{"subject":"CN=Fabrikam CA","issuer":"CN=Fabrikam CA","common_name":"Fabrikam CA","serial":"54c087b6df6779eaaecab1ae17a2ad85acbfe0e7","sha256":"7b9204a3e075601ec119a52c8d5232d8b890e2451c0c24dedbce2e784c1f958e","spki_sha256":"67fdc26a54ae5f401dca55d171a486e8e969758e349175e056741abe0ecb1fb2","not_before":"2026-11-22T08:33:55.000Z","not_after":"2036-11-19T08:33:55.000Z","key":"ECDSA P-256","key_bits":256,"signature":"ecdsa-with-SHA256","is_ca":true,"is_self_signed":true,"allows_client":true,"allows_server":true}],"verdict":"trusted","revocation":"unknown: certificate 1: no-endpoint: the certificate says of no list or responder that could be asked","anchors":"connector contoso/fabrikam","token":"name-mismatch","reason":"The certificate of 127.0.0.1 does not carry the name that is required: expected mx.fabrikam.example, presented www.fabrikam.example; required by connector contoso/fabrikam (name)","handshake":"13ms","total":"94ms"}',NULL,NULL,NULL);
INSERT INTO "event" VALUES(7,912259602760859648,1795336438801,'delivered','anna@contoso.example','bob@fabrikam.example','contoso','fabrikam','ok','2.0.0','250 2.0.0 Ok: queued as 0SA7Z8W200000','<31949.49612603@demo.example>',580,'{"direction":"out","at":"2026-11-22T08:33:58.788Z","host":"127.0.0.1","peer_address":"127.0.0.1","peer_port":12530,"organisation":"contoso","connector":"fabrikam","required":"name","required_by":["connector contoso/fabrikam (name)"],"name_expected":"mx.fabrikam.example","attempt":"full","got":"name","version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384","group":"x25519","own_certificate":"mx","own_sha256":"340f7f164b068a7ab1023f3b9882789a7abf3f2949a546241cc6caca4676bed4","chain":[{"subject":"CN=mx.fabrikam.example","issuer":"CN=Fabrikam CA","common_name":"mx.fabrikam.example","serial":"0c2f9ffae6ab5c32fcc996c0b31dd7b798770106","sha256":"cf3115f3a78358472e21f3d90712749bd509011ef40722c1ff490f43d01045a3","spki_sha256":"ae6740db0914f30c0de6e2d9762cef9b0584cb12660e437c1c57d29167928463","not_before":"2026-11-22T08:33:55.000Z","not_after":"2027-11-22T08:33:55.000Z","names":["mx.fabrikam.example"],"has_san":true,"key":"ECDSA P-256","key_bits":256,"signature":"ecdsa-with-SHA256","has_eku":true,"allows_client":true,"allows_server":true},{"subject":"CN=Fabrikam CA","issuer":"CN=Fabrikam CA","common_name":"Fabrikam CA","serial":"54c087b6df6779eaaecab1ae17a2ad85acbfe0e7","sha256":"7b9204a3e075601ec119a52c8d5232d8b890e2451c0c24dedbce2e784c1f958e","spki_sha256":"67fdc26a54ae5f401dca55d171a486e8e969758e349175e056741abe0ecb1fb2","not_before":"2026-11-22T08:33:55.000Z","not_after":"2036-11-19T08:33:55.000Z","key":"ECDSA P-256","key_bits":256,"signature":"ecdsa-with-SHA256","is_ca":true,"is_self_signed":true,"allows_client":true,"allows_server":true}],"name_matched":"mx.fabrikam.example","verdict":"trusted","revocation":"unknown: certificate 1: no-endpoint: the certificate says of no list or responder that could be asked","anchors":"connector contoso/fabrikam","token":"ok","reason":"Accepted by the next hop","handshake":"4ms","total":"13ms","reply":"250 2.0.0 Ok: queued as 0SA7Z8W200000"}',NULL,NULL,NULL);
INSERT INTO "event" VALUES(8,912259611380154368,1795336440317,'received','anna@contoso.example','x@elsewhere.example','contoso','office','ok',NULL,'Originating from organisation contoso: connector contoso/office by address 127.0.0.2','<31949.49612603@demo.example>',568,'{"at":"2026-11-22T08:34:00.292Z","host":"message.eml","peer_address":"127.0.0.2","peer_port":36296,"listener":"mx","organisation":"contoso","connector":"office","required":"encrypt","required_by":["connector contoso/office (encrypt)"],"attempt":"full","got":"encrypt","version":"TLSv1.3","cipher":"TLS_AES_256_GCM_SHA384","group":"x25519","own_certificate":"mx","own_sha256":"340f7f164b068a7ab1023f3b9882789a7abf3f2949a546241cc6caca4676bed4","anchors":"system","token":"ok","reason":"Originating from organisation contoso: connector contoso/office by address 127.0.0.2","handshake":"13ms","total":"25ms","reply":"250 2.0.0 Ok"}',NULL,NULL,NULL);
INSERT INTO "event" VALUES(9,912259611380154368,1795336457640,'deferred','anna@contoso.example','x@elsewhere.example','contoso',NULL,'dns','4.4.3','elsewhere.example: MX: the lookup failed: the name server said SERVFAIL','<31949.49612603@demo.example>',568,NULL,NULL,NULL,NULL);
INSERT INTO "event" VALUES(10,912259611380154368,1795336499948,'deferred','anna@contoso.example','x@elsewhere.example','contoso',NULL,'dns','4.4.3','elsewhere.example: MX: the lookup failed: the name server said SERVFAIL','<31949.49612603@demo.example>',568,NULL,NULL,NULL,NULL);
CREATE TABLE mail( key INTEGER PRIMARY KEY, at INT NOT NULL, sender TEXT, message_id TEXT, subject TEXT, recipients TEXT, size INT NOT NULL, first INT NOT NULL, last INT NOT NULL);
INSERT INTO "mail" VALUES(912259596108693504,1795336436676,'anna@contoso.example','<31949.3253130042@demo.example>','An offer','bob@fabrikam.example
',573,1,2);
INSERT INTO "mail" VALUES(912259600038756352,1795336437613,'bob@fabrikam.example','<31949.2523331843@demo.example>','An answer','anna@contoso.example
',844,3,4);
INSERT INTO "mail" VALUES(912259602760859648,1795336438262,'anna@contoso.example','<31949.49612603@demo.example>','Only if it is you','bob@fabrikam.example
',580,5,7);
INSERT INTO "mail" VALUES(912259611380154368,1795336440317,'anna@contoso.example','<31949.49612603@demo.example>','Only if it is you','x@elsewhere.example
',568,8,63);
CREATE TABLE rollup( span INT NOT NULL, at INT NOT NULL, direction INT NOT NULL, organisation TEXT NOT NULL, connector TEXT NOT NULL, kind TEXT NOT NULL, token TEXT NOT NULL, level TEXT NOT NULL, version TEXT NOT NULL, cipher TEXT NOT NULL, grp TEXT NOT NULL, recipients INT NOT NULL, messages INT NOT NULL, bytes INT NOT NULL, PRIMARY KEY(span, at, direction, organisation, connector, kind, token, level, version, cipher, grp)) WITHOUT ROWID;
INSERT INTO "rollup" VALUES(0,1795334400000,0,'contoso','fabrikam','received','','forced','TLSv1.3','TLS_AES_256_GCM_SHA384','x25519',1,1,844);
INSERT INTO "rollup" VALUES(0,1795334400000,0,'contoso','office','received','','forced','TLSv1.3','TLS_AES_256_GCM_SHA384','x25519',3,3,1721);
INSERT INTO "rollup" VALUES(0,1795334400000,1,'contoso','','deferred','dns','','','','',2,1,568);
INSERT INTO "rollup" VALUES(0,1795334400000,1,'contoso','','delivered','','local','','','',1,1,844);
INSERT INTO "rollup" VALUES(0,1795334400000,1,'contoso','fabrikam','deferred','name-mismatch','','','','',1,1,580);
INSERT INTO "rollup" VALUES(0,1795334400000,1,'contoso','fabrikam','delivered','','forced','TLSv1.3','TLS_AES_256_GCM_SHA384','x25519',2,2,1153);
CREATE TABLE setting(name TEXT PRIMARY KEY, value INT NOT NULL) WITHOUT ROWID;
INSERT INTO "setting" VALUES('applied',63);
INSERT INTO "setting" VALUES('days-until',1795334400000);
INSERT INTO "setting" VALUES('hours-from',1795392000000);
INSERT INTO "setting" VALUES('told-log',1);
INSERT INTO "setting" VALUES('told-mail',1);
INSERT INTO "setting" VALUES('told-webhook',1);
INSERT INTO "setting" VALUES('unindexed',0);
CREATE TABLE term( kind INT NOT NULL, value TEXT NOT NULL, at INT NOT NULL, key INT NOT NULL, PRIMARY KEY(kind, value, at, key)) WITHOUT ROWID;
INSERT INTO "term" VALUES(1,'anna@contoso.example',1795336436676,912259596108693504);
INSERT INTO "term" VALUES(1,'anna@contoso.example',1795336438262,912259602760859648);
INSERT INTO "term" VALUES(1,'anna@contoso.example',1795336440317,912259611380154368);
INSERT INTO "term" VALUES(1,'bob@fabrikam.example',1795336437613,912259600038756352);
INSERT INTO "term" VALUES(2,'anna@contoso.example',1795336437613,912259600038756352);
INSERT INTO "term" VALUES(2,'bob@fabrikam.example',1795336436676,912259596108693504);
INSERT INTO "term" VALUES(2,'bob@fabrikam.example',1795336438262,912259602760859648);
INSERT INTO "term" VALUES(2,'x@elsewhere.example',1795336440317,912259611380154368);
INSERT INTO "term" VALUES(3,'contoso.example',1795336436676,912259596108693504);
INSERT INTO "term" VALUES(3,'contoso.example',1795336438262,912259602760859648);
INSERT INTO "term" VALUES(3,'contoso.example',1795336440317,912259611380154368);
INSERT INTO "term" VALUES(3,'fabrikam.example',1795336437613,912259600038756352);
INSERT INTO "term" VALUES(4,'contoso.example',1795336437613,912259600038756352);
INSERT INTO "term" VALUES(4,'elsewhere.example',1795336440317,912259611380154368);
INSERT INTO "term" VALUES(4,'fabrikam.example',1795336436676,912259596108693504);
INSERT INTO "term" VALUES(4,'fabrikam.example',1795336438262,912259602760859648);
INSERT INTO "term" VALUES(5,'31949.2523331843@demo.example',1795336437613,912259600038756352);
INSERT INTO "term" VALUES(5,'31949.3253130042@demo.example',1795336436676,912259596108693504);
INSERT INTO "term" VALUES(5,'31949.49612603@demo.example',1795336438262,912259602760859648);
INSERT INTO "term" VALUES(5,'31949.49612603@demo.example',1795336440317,912259611380154368);
INSERT INTO "term" VALUES(6,'contoso/fabrikam',1795336436676,912259596108693504);
INSERT INTO "term" VALUES(6,'contoso/fabrikam',1795336437613,912259600038756352);
INSERT INTO "term" VALUES(6,'contoso/fabrikam',1795336438262,912259602760859648);
INSERT INTO "term" VALUES(6,'contoso/office',1795336436676,912259596108693504);
INSERT INTO "term" VALUES(6,'contoso/office',1795336438262,912259602760859648);
INSERT INTO "term" VALUES(6,'contoso/office',1795336440317,912259611380154368);
INSERT INTO "term" VALUES(6,'fabrikam',1795336436676,912259596108693504);
INSERT INTO "term" VALUES(6,'fabrikam',1795336437613,912259600038756352);
INSERT INTO "term" VALUES(6,'fabrikam',1795336438262,912259602760859648);
INSERT INTO "term" VALUES(6,'office',1795336436676,912259596108693504);
INSERT INTO "term" VALUES(6,'office',1795336438262,912259602760859648);
INSERT INTO "term" VALUES(6,'office',1795336440317,912259611380154368);
INSERT INTO "term" VALUES(7,'contoso',1795336436676,912259596108693504);
INSERT INTO "term" VALUES(7,'contoso',1795336437613,912259600038756352);
INSERT INTO "term" VALUES(7,'contoso',1795336438262,912259602760859648);
INSERT INTO "term" VALUES(7,'contoso',1795336440317,912259611380154368);
INSERT INTO "term" VALUES(8,'deferred',1795336438262,912259602760859648);
INSERT INTO "term" VALUES(8,'deferred',1795336440317,912259611380154368);
INSERT INTO "term" VALUES(9,'tlsv1.3',1795336436676,912259596108693504);
INSERT INTO "term" VALUES(9,'tlsv1.3',1795336437613,912259600038756352);
INSERT INTO "term" VALUES(9,'tlsv1.3',1795336438262,912259602760859648);
INSERT INTO "term" VALUES(9,'tlsv1.3',1795336440317,912259611380154368);
INSERT INTO "term" VALUES(10,'127.0.0.1',1795336436676,912259596108693504);
INSERT INTO "term" VALUES(10,'127.0.0.1',1795336437613,912259600038756352);
INSERT INTO "term" VALUES(10,'127.0.0.1',1795336438262,912259602760859648);
INSERT INTO "term" VALUES(10,'127.0.0.2',1795336436676,912259596108693504);
INSERT INTO "term" VALUES(10,'127.0.0.2',1795336438262,912259602760859648);
INSERT INTO "term" VALUES(10,'127.0.0.2',1795336440317,912259611380154368);
INSERT INTO "term" VALUES(10,'message.eml',1795336440317,912259611380154368);
INSERT INTO "term" VALUES(10,'mx.fabrikam.example',1795336437613,912259600038756352);
INSERT INTO "term" VALUES(10,'office.contoso.example',1795336436676,912259596108693504);
INSERT INTO "term" VALUES(10,'office.contoso.example',1795336438262,912259602760859648);
CREATE TABLE test( id INTEGER PRIMARY KEY AUTOINCREMENT, at INT NOT NULL, organisation TEXT NOT NULL, connector TEXT NOT NULL, direction INT NOT NULL, actor TEXT, ok INT NOT NULL, summary TEXT NOT NULL);
CREATE INDEX mail_at ON mail(at, key);
CREATE INDEX event_key ON event(key, sequence);
CREATE INDEX alarm_open ON alarm(kind, subject) WHERE over = 0;
CREATE INDEX test_connector ON test(organisation, connector, id);
CREATE UNIQUE INDEX chain_key ON chain(partner, direction, sha256);
CREATE INDEX chain_last ON chain(last);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('alarm',1);
INSERT INTO "sqlite_sequence" VALUES('chain',3);
PRAGMA user_version = 6;
COMMIT;
