# SPDX-License-Identifier: BSD-3-Clause
"""The network of the IKE tests: three LACs, two of them behind a NAT, and an LNS made of charon and lnsd, all in
one virtual machine (guest/ike/machines.sh draws it). The LNS's charon runs the files of docs/examples/strongswan.
"""
import json
import os
import re
import shutil

from guest import Guest
from lib import FAR, HERE, ROOT, Failure, check, check_equal, eventually, program, yaml_text

EXAMPLES = os.path.join(ROOT, 'docs', 'examples', 'strongswan')
LIBRESWAN = os.path.join(ROOT, 'docs', 'examples', 'libreswan')
IPSEC_DOC = os.path.join(ROOT, 'docs', 'ipsec.md')
LNS, LNS_NAME = '10.1.0.1', 'lns.isp.example'
OUTSIDE = {'lac0': '10.1.0.2', 'lac1': '10.1.0.254', 'lac2': '10.1.0.254'}
PASSWORD = 'subscriber-password'
LAC_PSK, CLIENT_PSK = 'a-lac-has-its-own-key', 'clients-share-a-key'

# What may be counted on a link where nothing is lost, forged or in the clear.
IPSEC_DROPS = ('esp_unknown_spi', 'esp_replayed', 'esp_old', 'esp_no_sa', 'esp_icv', 'esp_stale', 'esp_wrong_peer',
               'esp_limit', 'esp_exhausted', 'l2tp_wrong_sa', 'esp_inner', 'esp_next_header', 'esp_padding')

# The plugins that are needed, without which charon takes 20 s to start in the guest.
CHARON = '''charon {
	load_modular = no
	load = random nonce x509 constraints pubkey pkcs1 pkcs8 pem openssl hmac kdf gcm sha1 sha2 aes chapoly kernel-netlink socket-default vici
	%s
	filelog {
		file {
			path = /x/%s/charon.log
			append = yes
			flush_line = yes
			time_format = %%H:%%M:%%S
			default = 1
			knl = 2
		}
	}
}
'''

CONNECTION = '''connections {
	lns {
		version = %(version)d
		remote_addrs = 10.1.0.1
		mobike = no
		unique = never
		fragmentation = %(fragmentation)s
		proposals = %(ike)s
		dpd_delay = %(dpd)s
		local {
			%(local)s
		}
		remote {
			%(remote)s
		}
		children {
			l2tp {
				mode = transport
				local_ts = dynamic[udp/1701]
				remote_ts = dynamic[udp/1701]
				esp_proposals = %(esp)s
				rekey_time = %(rekey)s
				life_time = 1h
				rand_time = 0s
				dpd_action = clear
			}
		}
	}
}
secrets {
	ike-lns {
		secret = "%(secret)s"
	}
}
'''

XL2TPD = '''[global]
port = 1701
debug tunnel = yes
debug state = yes
[lac isp]
lns = 10.1.0.1
pppoptfile = /x/%(name)s/ppp-options
hostname = %(name)s
length bit = yes
redial = no
'''

OPTIONS = '''user %(name)s@isp.example
noauth
mtu 1500
mru 1500
noccp
nodefaultroute
ipcp-accept-local
ipcp-accept-remote
lcp-echo-interval 5
lcp-echo-failure 4
debug
logfile /x/%(name)s/pppd.log
'''


def lnsd_config():
    return {
        'lns': {'host-name': LNS_NAME, 'log-level': 'debug', 'control-socket': '/run/lnsd.sock'},
        'dpdk': {
            'main-core': 0, 'worker-cores': [1], 'hugepages': False, 'memory': 256, 'mbufs': 16384,
            'max-sessions': 1024, 'rx-descriptors': 256, 'tx-descriptors': 256, 'idle': 'sleep',
            # on net_af_packet the kernel puts fragments together before lnsd sees them
            'vdevs': [f'net_pcap{index},rx_iface_in={name},tx_iface={name}'
                      for index, name in enumerate(('access', 'core'))]},
        'interfaces': [
            {'name': 'access', 'device': 'net_pcap0', 'role': 'access', 'addresses': [LNS + '/24']},
            {'name': 'core', 'device': 'net_pcap1', 'role': 'core', 'addresses': ['10.2.0.1/24']}],
        'peers': [{'name': 'ipsec', 'sources': ['10.1.0.0/24'], 'ipsec': 'required', 'hello-interval': '4s',
                   'retries': 3}],
        'subscribers': {'auth': ['chap'], 'mru': 1500, 'local-address': '100.64.0.1', 'pool': 'main',
                        'max-sessions-per-user': 1},
        'users': [{'name': '*@isp.example', 'password': PASSWORD}],
        'pools': [{'name': 'main', 'ranges': ['100.64.16.0/20']}],
        'kernel': {'netns': 'front'},
    }


class Network:
    """Also the daemon (lnsd) as lib.main() looks at it."""

    def __init__(self, lab):
        self.lab = lab
        self.guest = Guest(lab, timeout=1150, joined=False, memory=2048)
        self.log = os.path.join('guest', 'lns', 'lnsd.log')
        self.process = None
        lab.daemons.append(self)
        shutil.copy(os.path.join(HERE, 'guest', 'ike', 'machines.sh'), self.guest.share)
        for name in ('lnsd', 'lnsctl'):
            shutil.copy(program(name), self.guest.share)
        self.run('cp /x/lnsd /x/lnsctl /usr/bin/; make_network', timeout=60)
        for name in OUTSIDE:
            self.lac_files(name)
        self.certificates('lac0')
        self.config = lnsd_config()
        self.start()

    # the guest

    def run(self, script, **arguments):
        return self.guest.run('. /x/machines.sh\n' + script, **arguments)

    def on(self, machine, command, **arguments):
        return self.run(f'on {machine} {command}', **arguments)

    def read(self, machine, name):
        return self.guest.read(os.path.join(machine, name))

    def explain(self, *machines):
        parts = []
        for machine in machines:
            for name in ('charon.log', 'pluto.log', 'xl2tpd.log', 'pppd.log', 'lnsd.log'):
                text = self.read(machine, name)
                if text:
                    parts.append(f'--- {machine}/{name}\n{text[-2500:]}')
        return '\n' + '\n'.join(parts)

    # lnsd

    def start(self):
        self.guest.write('lnsd.yaml', yaml_text(self.config), 0o600)
        self.run('start_lnsd', timeout=60)
        self.process = self.guest.process
        return self

    def reload(self, **changes):
        """With another configuration."""
        self.guest.write('lnsd.yaml', yaml_text({**self.config, **changes}), 0o600)
        self.run('lnsctl -s /run/lnsd.sock reload')

    def alive(self):
        return self.run('kill -0 $(cat /run/lnsd.pid)', check_status=False) == ''

    def stop(self):
        self.run('end /run/lnsd.pid')

    def kill(self):
        """Called with the lab's end, when the guest may be gone."""
        self.guest.end()

    def kill_lnsd(self):
        self.run('end /run/lnsd.pid KILL')

    def rows(self, *what):
        text = self.run('lnsctl -s /run/lnsd.sock --json show ' + ' '.join(what))
        answer = json.loads(text)
        return answer if isinstance(answer, list) else [answer]

    def sas(self, **fields):
        """Rows of show sas that have these values; the SPI as a number."""
        rows = [{**row, 'spi': int(row['spi'], 16)} for row in self.rows('sas')]
        return [row for row in rows if all(row.get(key) == value for key, value in fields.items())]

    def tunnels(self):
        """Those that are not only kept to answer what comes late (RFC 2661, 5.7)."""
        return [row for row in self.rows('tunnels') if row['state'] != 'linger']

    def drops(self):
        return {row['reason']: row['packets'] for row in self.rows('drops')}

    def control(self, name):
        """A counter of the control plane."""
        return sum(row['value'] for row in self.rows('control') if row['name'] == name)

    # charon

    def lac_files(self, name):
        guest = self.guest
        guest.write(f'{name}/xl2tpd.conf', XL2TPD % {'name': name})
        guest.write(f'{name}/ppp-options', OPTIONS % {'name': name})
        guest.write(f'{name}/chap-secrets', f'{name}@isp.example * {PASSWORD} *\n', 0o600)
        self.on(name, f'cp /x/{name}/chap-secrets /etc/ppp/')

    def lns_charon(self, edit=lambda text: text, settings='retransmit_timeout = 1'):
        """The LNS's charon with the documented files, whose text edit() may change."""
        folder = os.path.join(self.guest.share, 'front', 'swanctl')
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for name in ('ikev2-psk.conf', 'ikev2-certificates.conf', 'ikev1-psk.conf', 'secrets.conf'):
            with open(os.path.join(EXAMPLES, name)) as file:
                text = file.read()
            for secret, ours in (('a long random text, one per LAC', LAC_PSK),
                                 ('the text that all clients are given', CLIENT_PSK)):
                text = text.replace(secret, ours)
            self.guest.write(f'front/swanctl/{name}', edit(text), 0o600)
        shutil.copy(os.path.join(EXAMPLES, 'lnsd.conf'), os.path.join(folder, '..'))
        self.guest.write('front/test.conf', CHARON % (settings, 'front'))
        self.run('''stop_charon front
cp /x/front/lnsd.conf /x/front/test.conf /run/private/front/strongswan.d/
cp /x/front/swanctl/* /run/private/front/swanctl/conf.d/
start_charon front''', timeout=60)

    def lns_libreswan(self):
        """Libreswan in place of the LNS's charon, with the documented files; what their head says is "config setup"."""
        with open(os.path.join(LIBRESWAN, 'lnsd.conf')) as file:
            text = file.read()
        settings = re.findall(r'^#\t(\S+=\S+)', text, re.M)
        setup = 'config setup\n' + ''.join(f'\t{setting}\n' for setting in settings)
        self.guest.write('front/ipsec.conf', setup + '\n' + text.replace('198.51.100.1', LNS))
        with open(os.path.join(LIBRESWAN, 'lnsd.secrets')) as file:
            text = file.read().replace('198.51.100.1', LNS)
        for secret, ours in (('a long random text, one per LAC', LAC_PSK),
                             ('the text that all clients are given', CLIENT_PSK)):
            text = text.replace(secret, ours)
        self.guest.write('front/ipsec.secrets', text, 0o600)
        try:
            self.run('stop_charon front; start_libreswan front', timeout=90)
        except Failure as error:
            raise Failure(f'{error}{self.explain("front")}') from None

    def certificates(self, lac, *names):
        """For the LNS and lac1.carrier-b.example (also called names), as the documented script makes them."""
        folder = os.path.join(self.guest.share, 'certificates')
        shutil.rmtree(folder, ignore_errors=True)
        self.lab.run(None, 'sh', os.path.join(EXAMPLES, 'certificates.sh'), folder, LNS_NAME, 'lac1.carrier-b.example',
                     *names)
        self.run('''for pair in "front lns" "$1 lac"; do
	target=/run/private/${pair% *}/swanctl
	file=/x/certificates/${pair#* }
	cp /x/certificates/ca.pem $target/x509ca/
	cp $file.pem $target/x509/
	cp $file-key.pem $target/private/${pair#* }.pem
done'''.replace('$1', lac))

    def lac_charon(self, name, psk=LAC_PSK, version=2, esp='aes128gcm16', identity=None, fragmentation='yes',
                   ike='aes128gcm16-prfsha256-ecp256', rekey='0s', dpd='0s', certificate=False,
                   settings='retransmit_timeout = 1'):
        """A LAC's charon, started anew."""
        identity = identity or ('lac1.carrier-b.example' if certificate else 'lac1.carrier-a.example')
        if certificate:
            local, remote = f'auth = pubkey\n\t\t\tcerts = lac.pem\n\t\t\tid = {identity}', 'auth = pubkey'
        elif version == 2:
            local, remote = f'auth = psk\n\t\t\tid = {identity}', 'auth = psk'
        else:
            local, remote = 'auth = psk', 'auth = psk'
        if version == 2:
            remote += f'\n\t\t\tid = {LNS_NAME}'
        self.guest.write(f'{name}/lns.conf', CONNECTION % {
            'version': version, 'ike': ike, 'esp': esp, 'local': local, 'remote': remote, 'secret': psk,
            'fragmentation': fragmentation, 'rekey': rekey, 'dpd': dpd}, 0o600)
        self.guest.write(f'{name}/test.conf', CHARON % (settings, name))
        self.run(f'''stop_charon {name} KILL
flush_sas {name}
cp /x/{name}/test.conf /run/private/{name}/strongswan.d/
cp /x/{name}/lns.conf /run/private/{name}/swanctl/conf.d/
start_charon {name}''', timeout=60)

    def connect(self, name):
        """IKE_SA and CHILD_SA of a LAC."""
        try:
            self.on(name, 'swanctl --initiate --child l2tp --timeout 25', timeout=60)
        except Failure as error:
            raise Failure(f'{error}{self.explain(name, "front")}') from None

    # L2TP

    def dial(self, name, seconds=20):
        """ppp0 of a LAC is up; its address."""
        self.run(f'[ -e /run/xl2tpd.{name} ] || start_xl2tpd {name}; dial {name}')
        up = f'ip -n {name} -4 -o addr show ppp0 2>/dev/null | grep -q peer'
        try:
            self.guest.wait(up, f'ppp0 of {name}', seconds)
        except Failure as error:
            raise Failure(f'{error}{self.explain(name, "lns")}') from None
        shown = self.run(f'ip -n {name} route replace {FAR}/32 dev ppp0; ip -n {name} -4 -o addr show ppp0')
        return re.search(r'inet (\S+) peer', shown).group(1)

    def hang_up(self, name):
        self.run(f'hang_up {name}', timeout=40)
        eventually(lambda: not self.rows('sessions'), 'lnsd has no session', timeout=15)

    def reset(self):
        """Nothing of a case is left for the next one: no call, no SA, the network as it was."""
        self.run('reset_machines', timeout=120)

    def ping(self, name, target=FAR, count=5, size=56, extra=''):
        """How many were answered."""
        out = self.on(name, f'ping -n -q -c {count} -i 0.1 -W 3 -s {size} {extra} {target}', check_status=False)
        found = re.search(r'(\d+) received', out)
        return int(found.group(1)) if found else 0

    def check_works(self, name, what=''):
        got = self.ping(name)
        if got != 5:
            raise Failure(f'{what or name}: {got} of 5 pings, drops {self.drops()}{self.explain(name, "lns")}')

    def check_no_drops(self, before, allowed=()):
        after = self.drops()
        for reason in IPSEC_DROPS:
            if reason not in allowed:
                check_equal(after.get(reason, 0) - before.get(reason, 0), 0, reason)

    def xfrm(self, machine):
        """SAs of a machine's kernel: {spi: text of it}."""
        text = self.run(f'ip -n {machine} -s xfrm state')
        found = {}
        for part in re.split(r'(?m)^(?=src )', text):
            spi = re.search(r'spi 0x([0-9a-f]+)', part)
            if spi:
                found[int(spi.group(1), 16)] = part
        return found

    def xfrm_errors(self, machine):
        """What a machine's kernel has refused to decrypt or encrypt, by reason."""
        text = self.on(machine, 'cat /proc/net/xfrm_stat')
        return {name: int(value) for name, value in re.findall(r'(\w+)\s+(\d+)', text) if int(value)}

    def list_sas(self, machine):
        return self.on(machine, 'swanctl --list-sas')

