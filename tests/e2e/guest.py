# SPDX-License-Identifier: BSD-3-Clause
"""The virtual machine with xl2tpd, pppd and strongSwan (guest/): a second LAC on lnsd's access link, or a whole
network inside.

Guest.run() has it run a shell script and returns what that printed; the shared directory carries the
scripts in and their output and exit status out, so that a test is written on this side alone.
"""
import os
import shlex
import subprocess
import time

from lib import HERE, Failure, check

AGENT = r'''#!/bin/sh
# Runs /x/script.N for N = 1, 2, ... as they appear, until one of them is called "end".
if [ -e /sys/class/net/eth0 ]; then
	ip link set eth0 up
	ethtool -K eth0 tx off rx off tso off gso off gro off >/dev/null 2>&1
	sysctl -qw net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.all.accept_dad=0 2>/dev/null
fi
: >/x/ready
n=1
while :; do
	[ -e /x/end ] && exit 0
	if [ -e /x/script.$n ]; then
		sh /x/script.$n >/x/output.$n 2>&1 </dev/null
		echo $? >/x/result.new
		mv /x/result.new /x/result.$n
		n=$((n + 1))
	else
		sleep 0.05
	fi
done
'''


def built():
    """Builds the guest unless it is in the cache; its directory."""
    done = subprocess.run([os.path.join(HERE, 'guest', 'build')], capture_output=True, text=True,
                          timeout=900)
    check(done.returncode == 0, 'guest/build: ' + done.stderr[-800:])
    return done.stdout.strip()


class Guest:
    """Its address on the access link is 10.1.0.3, which needs a Lab(guest=True); joined=False: on its own."""

    address = '10.1.0.3'

    def __init__(self, lab, timeout=600, joined=True, memory=1024):
        built()
        self.lab = lab
        self.share = lab.path('guest')
        os.makedirs(self.share)
        with open(os.path.join(self.share, 'run'), 'w') as file:
            file.write(AGENT)
        os.chmod(os.path.join(self.share, 'run'), 0o755)
        self.count = 0
        card = ('-netdev', 'tap,id=n0,ifname=guest0,script=no,downscript=no', '-device',
                'virtio-net-pci,netdev=n0,mac=52:54:00:01:00:03,csum=off,guest_csum=off,gso=off')
        self.process = lab.spawn(
            'lac', os.path.join(HERE, 'guest', 'boot'), self.share, *(card if joined else ()),
            log='guest.log', env={'TIMEOUT': str(timeout), 'MEMORY': str(memory)})
        self.wait_file('ready', 90)
        if joined:
            self.run(f'ip addr add {self.address}/24 dev eth0; ip addr add fd00:1::3/64 dev eth0 nodad')

    def wait_file(self, name, timeout):
        path, end = os.path.join(self.share, name), time.monotonic() + timeout
        while not os.path.exists(path):
            if self.process.poll() is not None:
                raise Failure(f'the guest ended with {self.process.returncode}: '
                              + self.lab.read('guest.log')[-800:])
            if time.monotonic() > end:
                raise Failure(f'the guest did not write {name} within {timeout} s: '
                              + self.lab.read('guest.log')[-800:])
            time.sleep(0.02)
        return path

    def run(self, script, check_status=True, timeout=60):
        """Output of a shell script that the guest runs. What it starts with & must be detached from its
        output, or the script does not end."""
        self.count += 1
        path = os.path.join(self.share, f'script.{self.count}')
        with open(path + '.new', 'w') as file:
            file.write(script)
        os.rename(path + '.new', path)
        with open(self.wait_file(f'result.{self.count}', timeout)) as file:
            status = int(file.read())
        output = self.read(f'output.{self.count}')
        if check_status and status:
            raise Failure(f'in the guest: {script.strip().splitlines()[0]}: exit status {status}: '
                          f'{output.strip()[-600:]}')
        return output

    def write(self, name, text, mode=0o644):
        """A file that the guest sees as /x/name."""
        path = os.path.join(self.share, name)
        with open(path, 'w') as file:
            file.write(text)
        os.chmod(path, mode)

    def read(self, name):
        try:
            with open(os.path.join(self.share, name), errors='replace') as file:
                return file.read()
        except FileNotFoundError:
            return ''

    def wait(self, condition, what, timeout=20):
        """Waits in the guest until the shell condition holds."""
        self.run(f'''end=$(($(cut -d. -f1 /proc/uptime) + {int(timeout)}))
while ! {{ {condition}; }}; do
	if [ $(cut -d. -f1 /proc/uptime) -ge $end ]; then
		echo {shlex.quote(what)} not within {timeout} s
		exit 1
	fi
	sleep 0.1
done''', timeout=timeout + 30)

    def end(self):
        self.write('end', '')
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.lab.end(self.process)
