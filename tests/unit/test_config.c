/* SPDX-License-Identifier: BSD-3-Clause */
/* Shows what a good configuration becomes: defaults, every field, secrets, reload. */
#include "config_fixture.h"

#include "schema.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config *must_load(const char *path)
{
	struct config_errors errors;
	struct config *config;
	int ret = config_load(path, &config, &errors);

	cr_assert_eq(ret, 0, "%s", errors.n ? errors.text[0] : "no error line");
	return config;
}

Test(config, defaults_are_those_that_the_manual_names)
{
	struct config *config = must_parse(MINIMAL "peers: [{name: p, sources: [10.0.0.0/8]}]\n");
	const struct config_peer *peer = &config->peers[0];
	const struct config_subscribers *subscribers = &config->subscribers;
	const struct config_dpdk *dpdk = &config->dpdk;
	char host[CONFIG_NAME_MAX] = "", text[50];

	gethostname(host, sizeof(host) - 1);
	cr_expect_str_eq(config->path, "f");
	cr_expect_str_eq(config->lns.host_name, *host ? host : "lnsd");
	cr_expect_str_eq(config->lns.vendor_name, "lnsd");
	cr_expect_str_eq(config->lns.control_socket, "/run/lnsd/lnsd.sock");
	cr_expect_eq(config->lns.log_level, CONFIG_LOG_INFO);
	cr_expect_eq(config->lns.half_open_max, 1000);
	cr_expect_eq(config->lns.half_open_per_source, 50);

	cr_expect_eq(dpdk->main_core, 0);
	cr_expect_eq(dpdk->n_workers, 1);
	cr_expect_eq(dpdk->worker_cores[0], 1);
	cr_expect_not(dpdk->share_cores);
	cr_expect_eq(dpdk->n_devices, 0);
	cr_expect_str_eq(dpdk->vdevs[0], "net_null0");
	cr_expect_not(dpdk->hugepages);
	cr_expect(dpdk->iova_va);
	cr_expect_eq(dpdk->memory_mb, 512);
	cr_expect_eq(dpdk->mbufs, 65536);
	cr_expect_eq(dpdk->max_sessions, 1048576);
	cr_expect_eq(dpdk->max_routes4, 131072);
	cr_expect_eq(dpdk->max_routes6, 32768);
	cr_expect_eq(dpdk->rx_descriptors, 1024);
	cr_expect_eq(dpdk->tx_descriptors, 1024);
	cr_expect_eq(dpdk->idle, CONFIG_IDLE_POLL);
	cr_expect_eq(dpdk->idle_us, 100);
	cr_expect_not(dpdk->control_poll);

	cr_expect_eq(config->interfaces[0].role, CONFIG_ROLE_BOTH);
	cr_expect_eq(config->interfaces[0].mtu, 1500);
	cr_expect_eq(config->interfaces[0].vlan, 0);
	cr_expect_eq(config->interfaces[0].vrf, 0);
	cr_expect_eq(config->interfaces[0].line, 2);
	cr_expect_not(config->interfaces[0].promiscuous);

	cr_expect_str_eq(peer->host_name, "*");
	cr_expect_str_eq(peer->local_name, config->lns.host_name);
	cr_expect_str_eq(peer->secret, "");
	cr_expect_not(peer->challenge);
	cr_expect_eq(peer->receive_window, 64);
	cr_expect_eq(peer->hello_interval, 60000);
	cr_expect_eq(peer->retries, 8);
	cr_expect_eq(peer->retry_interval, 1000);
	cr_expect_eq(peer->retry_cap, 8000);
	cr_expect_eq(peer->ipsec, CONFIG_IPSEC_OPTIONAL);
	cr_expect_eq(peer->max_tunnels, 0);
	cr_expect_eq(peer->max_sessions, 0);
	cr_expect_eq(peer->proxy_lcp, CONFIG_PROXY_ACCEPT);
	cr_expect_eq(peer->acfc, CONFIG_ACFC_NEGOTIATED);
	cr_expect_not(peer->udp_checksum);
	cr_expect_not(peer->sequencing);
	cr_expect_not(peer->length_bit);

	cr_expect_eq(subscribers->n_auth, 3);
	cr_expect_eq(subscribers->auth[0], CONFIG_AUTH_CHAP);
	cr_expect_eq(subscribers->auth[1], CONFIG_AUTH_MSCHAPV2);
	cr_expect_eq(subscribers->auth[2], CONFIG_AUTH_PAP);
	cr_expect_eq(subscribers->mru, 1492);
	cr_expect_eq(subscribers->lcp_echo_interval, 20000);
	cr_expect_eq(subscribers->lcp_echo_failures, 3);
	cr_expect_eq(subscribers->dns[0].family, 0);
	cr_expect_str_eq(ip_addr_text(&subscribers->local_address, text), "10.0.0.1");
	cr_expect_eq(subscribers->session_timeout, 0);
	cr_expect_eq(subscribers->idle_timeout, 0);
	cr_expect_eq(subscribers->max_sessions, 1048576);
	cr_expect_eq(subscribers->max_sessions_per_user, 1);
	cr_expect_eq(subscribers->setup_timeout, 120000);
	cr_expect_eq(subscribers->ppp_restart, 3000);
	cr_expect_eq(subscribers->ppp_max_configure, 10);
	cr_expect_eq(subscribers->ppp_max_terminate, 2);
	cr_expect_eq(subscribers->pool, -1);
	cr_expect(subscribers->mss_clamp);
	cr_expect_eq(subscribers->mss, 0);
	cr_expect(subscribers->subscriber_to_subscriber);
	cr_expect_not(subscribers->announce_hosts);

	cr_expect_eq(config->n_vrfs, 1);
	cr_expect_str_eq(config->vrfs[0].name, "default");
	cr_expect_eq(config->vrfs[0].table, 254);
	cr_expect_str_eq(config->vrfs[0].tun, "lns0");
	cr_expect_eq(config->kernel.netns_mode, CONFIG_NETNS_NAMED);
	cr_expect_str_eq(config->kernel.netns, "lnsd");
	cr_expect_eq(config->kernel.route_protocol, 108);
	cr_expect_eq(config->kernel.tun_mtu, 1500);
	config_free(config);
}

Test(config, defaults_that_follow_from_other_values)
{
	struct config *config = must_parse(
		"dpdk: {devices: ['81:00.0', '0000:81:00.1,arg=1'], worker-cores: [1, 4-6, 2]}\n"
		"interfaces:\n"
		"- {name: a0, device: '0000:81:00.0', role: access, addresses: [10.0.0.1/24]}\n"
		"- {name: c0, device: '81:00.1', role: core, addresses: ['2001:db8::1/64', "
		"10.0.1.1/24]}\n"
		"- {name: c1, device: '81:00.1', vlan: 7, outer-vlan: 8, role: core}\n"
		"peers: [{name: p, sources: [192.0.2.1, '2001:db8::/32'], secret: s}]\n"
		"pools: [{name: only, ranges: [100.64.0.0/24]}]\n");

	/* PCI devices: DPDK's spelling, hugepages, the root namespace. */
	cr_expect_str_eq(config->dpdk.devices[0], "0000:81:00.0");
	cr_expect_str_eq(config->dpdk.devices[1], "0000:81:00.1,arg=1");
	cr_expect_str_eq(config->interfaces[1].device, "0000:81:00.1");
	cr_expect(config->dpdk.hugepages);
	cr_expect_not(config->dpdk.iova_va);
	cr_expect_eq(config->dpdk.memory_mb, 0);
	cr_expect_eq(config->kernel.netns_mode, CONFIG_NETNS_ROOT);
	cr_expect_str_eq(config->kernel.netns, "");
	cr_expect_eq(config->dpdk.n_workers, 5);
	cr_expect_eq(config->dpdk.worker_cores[1], 4);
	cr_expect_eq(config->dpdk.worker_cores[3], 6);
	cr_expect_eq(config->dpdk.worker_cores[4], 2);
	cr_expect_eq(config->interfaces[2].vlan, 7);
	cr_expect_eq(config->interfaces[2].outer_vlan, 8);
	/* The first IPv4 address towards the core; the only pool; a secret means a challenge. */
	cr_expect_arr_eq(config->subscribers.local_address.bytes, ((uint8_t[]){10, 0, 1, 1}), 4);
	cr_expect_eq(config->subscribers.pool, 0);
	cr_expect(config->peers[0].challenge);
	cr_expect_eq(config->peers[0].sources[0].length, 32);
	cr_expect_eq(config->peers[0].sources[1].length, 32);
	config_free(config);
}

Test(config, cores_may_be_shared_when_the_file_says_so)
{
	struct config *config = must_parse(
		"dpdk: {vdevs: [net_null0], worker-cores: [0, 1, 0, 1], share-cores: true}\n"
		"interfaces: [{name: a0, device: net_null0, addresses: [10.0.0.1/24]}]\n");

	cr_expect_eq(config->dpdk.n_workers, 4);
	cr_expect(config->dpdk.share_cores);
	cr_expect_eq(config->dpdk.worker_cores[2], 0);
	cr_expect_eq(config->dpdk.idle, CONFIG_IDLE_SLEEP);
	config_free(config);
}

Test(config, vrfs_have_the_default_one_first)
{
	struct config *config = must_parse(
		"dpdk: {vdevs: [net_null0], hugepages: false}\n"
		"interfaces:\n"
		"- {name: a0, device: net_null0, addresses: [10.0.0.1/24]}\n"
		"- {name: b0, device: net_null0, vlan: 9, vrf: blue, "
		"addresses: [10.0.0.1/24]}\n"
		"vrfs:\n"
		"- {name: blue, table: 100}\n"
		"- {name: default, tun: subs}\n"
		"- {name: red, table: 101, tun: redtun}\n"
		"pools:\n"
		"- {name: g, ranges: [100.64.0.0/24]}\n"
		"- {name: b, ranges: [100.64.0.0/24], vrf: blue}\n"
		"users:\n"
		"- {name: u, password: x, vrf: blue, pool: b}\n"
		"- {name: v, password: x, pool: g}\n");

	cr_assert_eq(config->n_vrfs, 3);
	cr_expect_str_eq(config->vrfs[0].name, "default");
	cr_expect_eq(config->vrfs[0].table, 254);
	cr_expect_str_eq(config->vrfs[0].tun, "subs");
	cr_expect_str_eq(config->vrfs[1].name, "blue");
	cr_expect_str_eq(config->vrfs[1].tun, "lns1");
	cr_expect_str_eq(config->vrfs[2].tun, "redtun");
	/* The same addresses in two VRFs do not overlap. */
	cr_expect_eq(config->interfaces[1].vrf, 1);
	cr_expect_eq(config->pools[1].vrf, 1);
	cr_expect_eq(config_user_find(config, "u")->vrf, 1);
	cr_expect_eq(config_user_find(config, "u")->pool, 1);
	cr_expect_eq(config_user_find(config, "v")->pool, 0);
	/* Two pools and none named: no default. */
	cr_expect_eq(config->subscribers.pool, -1);
	config_free(config);
}

Test(config, times_are_seconds_unless_they_have_a_unit)
{
	struct config *config = must_parse(MINIMAL
		"subscribers: {lcp-echo-interval: 7, session-timeout: 2h, idle-timeout: 5m, "
		"setup-timeout: 5500ms}\n"
		"peers: [{name: p, sources: [10.0.0.0/8], hello-interval: 0, retry-interval: "
		"250ms}]\n");

	cr_expect_eq(config->subscribers.lcp_echo_interval, 7000);
	cr_expect_eq(config->subscribers.session_timeout, 7200);
	cr_expect_eq(config->subscribers.idle_timeout, 300);
	cr_expect_eq(config->subscribers.setup_timeout, 5500);
	cr_expect_eq(config->peers[0].hello_interval, 0);
	cr_expect_eq(config->peers[0].retry_interval, 250);
	config_free(config);
}

static void file_write(const char *path, const char *text, size_t length, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, length), (ssize_t)length);
	close(fd);
	cr_assert_eq(chmod(path, mode), 0);
}

Test(config, secret_files_stand_beside_the_file_and_are_kept_secret)
{
	static const char tail[] =
		"peers: [{name: p, sources: [10.0.0.0/8], secret-file: s.txt}]\n";
	static const struct {
		const char *content;
		size_t length;
		mode_t mode;
		const char *secret, *error; /* one of them */
	} rows[] = {
		{"hunter2\n", 8, 0600, "hunter2", NULL},
		{"hunter2", 7, 0640, "hunter2", NULL},
		{" hunter 2 \r\n", 12, 0400, " hunter 2 ", NULL},
		{"", 0, 0600, NULL, "s.txt is empty, expected a secret in it"},
		{"\n", 1, 0600, NULL, "s.txt is empty, expected a secret in it"},
		{"hunter2\nhunter3\n", 16, 0600, NULL,
			"s.txt holds several lines or a NUL, expected one line of text"},
		{"hunt\0er2", 8, 0600, NULL,
			"s.txt holds several lines or a NUL, expected one line of text"},
		{"hunter2\n", 8, 0644, NULL,
			"s.txt has mode 0644, expected no access for others and no writing by the "
			"group "
			"(chmod 0600 or 0640)"},
		{"hunter2\n", 8, 0660, NULL,
			"s.txt has mode 0660, expected no access for others and no writing by the "
			"group "
			"(chmod 0600 or 0640)"},
	};
	char folder[] = "/tmp/test_config.XXXXXX", path[64], secret[64], line[300], *text;
	struct config_errors errors;
	struct config *config;
	unsigned int i;

	cr_assert_not_null(mkdtemp(folder));
	sprintf(path, "%s/f.yaml", folder);
	sprintf(secret, "%s/s.txt", folder);
	cr_assert_gt(asprintf(&text, "%s%s", MINIMAL, tail), 0);
	file_write(path, text, strlen(text), 0600);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int ret;

		file_write(secret, rows[i].content, rows[i].length, rows[i].mode);
		ret = config_load(path, &config, &errors);
		if (rows[i].secret) {
			cr_assert_eq(ret, 0, "row %u: %s", i, errors.n ? errors.text[0] : "");
			cr_expect_str_eq(config->peers[0].secret, rows[i].secret, "row %u", i);
			cr_expect(config->peers[0].challenge);
			config_free(config);
			continue;
		}
		sprintf(line, "%s:3:55: peers[p].secret-file: %s", path, rows[i].error);
		cr_expect_eq(ret, -EINVAL, "row %u", i);
		cr_assert_eq(errors.n, 1, "row %u", i);
		cr_expect_str_eq(errors.text[0], line, "row %u: %s", i, errors.text[0]);
		config_errors_free(&errors);
	}
	/* 255 bytes fit, 256 do not. */
	for (i = 255; i <= 256; i++) {
		char bytes[257];

		memset(bytes, 'x', i);
		bytes[i] = '\n';
		file_write(secret, bytes, i + 1, 0600);
		cr_expect_eq(config_load(path, &config, &errors), i == 255 ? 0 : -EINVAL);
		config_errors_free(&errors);
		config_free(config);
	}
	/* A FIFO is refused at once, not waited for. */
	unlink(secret);
	cr_assert_eq(mkfifo(secret, 0600), 0);
	cr_expect_eq(config_load(path, &config, &errors), -EINVAL);
	cr_expect_str_eq(strstr(errors.text[0], "s.txt"), "s.txt is no regular file, expected one");
	config_errors_free(&errors);
	unlink(secret);
	unlink(path);
	rmdir(folder);
	free(text);
}

/* In writable memory, where freed blocks stay as they were left. */
static unsigned int memory_count(const char *what)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	unsigned long start, end;
	char line[512], access[8];
	unsigned int n = 0;

	cr_assert(maps && mem >= 0);
	while (fgets(line, sizeof(line), maps)) {
		size_t length;
		char *copy, *p;

		if (sscanf(line, "%lx-%lx %7s", &start, &end, access) != 3 || access[1] != 'w' ||
			end - start > 256ul << 20)
			continue;
		length = end - start;
		copy = mmap(
			NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		cr_assert_neq(copy, MAP_FAILED);
		if (pread(mem, copy, length, (off_t)start) == (ssize_t)length)
			for (p = copy; (p = memmem(p, copy + length - p, what, strlen(what))); p++)
				n++;
		munmap(copy, length);
	}
	fclose(maps);
	close(mem);
	return n;
}

Test(config, no_secret_stays_in_memory_when_a_configuration_is_freed)
{
	/* Long enough that what a block's next owner overwrites first does not count. */
	static const char text[] = MINIMAL
		"pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
		"users: [{name: z, password: 'hunter2 is too short for this, so there is a tail: "
		"of the inline user'}, {name: b, password: y}, {name: a, password: y}]\n"
		"peers: [{name: p, sources: [10.0.0.0/8], secret-file: s.txt}]\n";
	static const char secret[] =
		"hunter2 is too short for this, so there is a tail: of the secret file";
	char folder[] = "/tmp/test_config.XXXXXX", path[64], file[64];
	struct config *config;

	cr_assert_not_null(mkdtemp(folder));
	sprintf(path, "%s/f.yaml", folder);
	sprintf(file, "%s/s.txt", folder);
	file_write(path, text, strlen(text), 0600);
	file_write(file, secret, strlen(secret), 0600);
	config = must_load(path);
	cr_expect_eq(memory_count("tail: of the inline user"), 1);
	cr_expect_eq(memory_count("tail: of the secret file"), 1);
	config_free(config);
	cr_expect_eq(memory_count("tail: of the inline user"), 0);
	cr_expect_eq(memory_count("tail: of the secret file"), 0);
	unlink(file);
	unlink(path);
	rmdir(folder);
}

Test(config, a_file_that_is_not_there_is_named)
{
	struct config_errors errors;
	struct config *config;

	cr_expect_eq(config_load("/nonexistent.yaml", &config, &errors), -ENOENT);
	cr_assert_eq(errors.n, 1);
	cr_expect_str_eq(errors.text[0],
		"/nonexistent.yaml:1:1: (file): cannot be read (No such file or directory), "
		"expected a "
		"YAML file");
	config_errors_free(&errors);
	cr_expect_eq(config_load("/", &config, &errors), -EISDIR);
	cr_expect_eq(errors.n, 1);
	config_errors_free(&errors);
	config_free(NULL);
}

Test(config, all_errors_come_in_one_go)
{
	static const char text[] = "lns: {log-levle: x}\ndpdk: {main-core: a}\ninterfaces: [{}]\n"
				   "peers: 7\nusers: [{name: u}]\nkernel: {netns: '/'}\n";
	static const unsigned int lines[] = {1, 2, 3, 3, 4, 6, 3, 5, 5};
	struct config_errors errors;
	struct config *config;
	unsigned int i;

	cr_expect_eq(config_parse("f", text, strlen(text), &config, &errors), -EINVAL);
	cr_assert_null(config);
	cr_assert_eq(errors.n, sizeof(lines) / sizeof(*lines));
	for (i = 0; i < errors.n; i++)
		cr_expect_eq(strtoul(errors.text[i] + 2, NULL, 10), lines[i], "%s", errors.text[i]);
	config_errors_free(&errors);
	config_errors_free(&errors);
}

Test(config, a_flood_of_errors_is_cut_with_a_word)
{
	enum { ROWS = 20000 };
	char *text = malloc(ROWS * 4 + 300), *p = text + sprintf(text, MINIMAL "users:\n");
	struct config_errors errors;
	struct config *config;
	unsigned int i;

	for (i = 0; i < ROWS; i++)
		p += sprintf(p, "- x\n");
	cr_expect_eq(config_parse("f", text, p - text, &config, &errors), -EINVAL);
	cr_assert_eq(errors.n, 10001);
	cr_expect_str_eq(errors.text[10000], "more errors follow that are not shown");
	config_errors_free(&errors);
	free(text);
}

Test(config, a_reload_says_by_name_what_needs_a_restart)
{
#define PORTS "dpdk: {vdevs: [net_null0], hugepages: false}\ninterfaces:\n"
#define A0    "- {name: a0, device: net_null0, addresses: [10.0.0.1/24]}\n"
#define B0    "- {name: b0, device: net_null0, vlan: 2, addresses: [10.0.1.1/24]}\n"
#define REST  "pools: [{name: g, ranges: [100.64.0.0/24]}]\n"
	static const struct {
		const char *before, *after, *names;
	} rows[] = {
		{PORTS A0 REST, PORTS A0 REST, ""},
		/* live: users, peers, pools, timers, log level */
		{PORTS A0 REST,
			PORTS A0 "pools: [{name: h, ranges: [100.65.0.0/24]}]\n"
				 "lns: {log-level: debug, host-name: other, half-open-max: 99}\n"
				 "users: [{name: u, password: x}]\n"
				 "peers: [{name: p, sources: [10.0.0.0/8], secret: x}]\n"
				 "subscribers: {mru: 1400, lcp-echo-interval: 5s, max-sessions: 7, "
				 "auth: [pap]}\n",
			""},
		{PORTS A0, PORTS A0 "lns: {control-socket: /x}\n", "lns.control-socket"},
		{PORTS A0 B0,
			PORTS "- {name: a0, device: net_null0, role: both, mtu: 1400, "
			      "addresses: [10.0.0.2/24]}\n" B0,
			"interfaces[a0].mtu interfaces[a0].addresses"},
		{PORTS A0 B0, PORTS A0, "interfaces[b0]"},
		{PORTS A0, PORTS A0 B0, "interfaces[b0]"},
		{PORTS A0 B0, PORTS B0 A0, "interfaces.order"},
		{PORTS A0, PORTS "- {name: c0, device: net_null0, addresses: [10.0.0.1/24]}\n",
			"interfaces[a0] interfaces[c0]"},
		{PORTS A0,
			PORTS
			"- {name: a0, device: net_null0, addresses: [10.0.0.1/24], neighbours: "
			"[{address: 10.0.0.9, mac: '02:00:00:00:00:01'}]}\n",
			"interfaces[a0].neighbours"},
		{PORTS A0,
			"dpdk: {vdevs: ['net_null0,size=64'], hugepages: true, worker-cores: [1, "
			"2], "
			"eal-args: [--in-memory]}\ninterfaces:\n" A0,
			"dpdk.worker-cores dpdk.vdevs dpdk.hugepages dpdk.memory dpdk.eal-args"},
		{PORTS A0, PORTS A0 "vrfs: [{name: blue, table: 9}]\n", "vrfs[blue]"},
		{PORTS A0 "vrfs: [{name: blue, table: 9}]\n",
			PORTS A0 "vrfs: [{name: blue, table: 10}]\n", "vrfs[blue].table"},
		{PORTS A0 "vrfs: [{name: blue, table: 9}]\n",
			PORTS
			"- {name: a0, device: net_null0, addresses: [10.0.0.1/24], vrf: blue}\n"
			"vrfs: [{name: blue, table: 9}]\n",
			"interfaces[a0].vrf"},
		{PORTS A0, PORTS A0 "kernel: {netns: other, tun-mtu: 1400}\n",
			"kernel.netns kernel.tun-mtu"},
	};
	unsigned int i, j;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config *before = must_parse(rows[i].before);
		struct config *after = must_parse(rows[i].after);
		struct config_errors names = {0};
		char text[512] = "";
		unsigned int n = config_restart_needed(before, after, &names);

		for (j = 0; j < names.n; j++)
			sprintf(text + strlen(text), "%s%s", j ? " " : "", names.text[j]);
		cr_expect_eq(n, names.n);
		cr_expect_eq(n, config_restart_needed(before, after, NULL));
		cr_expect_str_eq(text, rows[i].names, "row %u: %s", i, text);
		config_errors_free(&names);
		config_free(before);
		config_free(after);
	}
}

/* The text between the first "```yaml" and the "```" after it. */
static char *manual_example(const char *manual)
{
	const char *start = strstr(manual, "```yaml\n");
	const char *end;

	cr_assert_not_null(start);
	start += strlen("```yaml\n");
	end = strstr(start, "```\n");
	cr_assert_not_null(end);
	return strndup(start, end - start);
}

static char *file_text(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 65536);

	cr_assert_not_null(file, "%s", path);
	cr_assert_gt(fread(text, 1, 65535, file), 0);
	fclose(file);
	return text;
}

Test(config, the_example_loads_and_is_the_one_in_the_manual)
{
	struct config *config = must_load(LNSD_SOURCE_DIR "/docs/examples/lnsd.yaml");
	char *manual = file_text(LNSD_SOURCE_DIR "/docs/configuration.md");
	char *example = file_text(LNSD_SOURCE_DIR "/docs/examples/lnsd.yaml");
	char *shown = manual_example(manual), text[50];
	const struct config_user *office = config_user_find(config, "office@business.example");

	cr_expect_str_eq(shown, example);
	cr_expect_eq(config->dpdk.n_workers, 4);
	cr_expect_eq(config->interfaces[0].mtu, 1600);
	cr_expect_eq(config->interfaces[0].vlan, 100);
	cr_expect_eq(config->n_peers, 2);
	cr_expect_str_eq(config->peers[0].local_name, "lns1.isp.example");
	cr_expect_str_eq(config->peers[1].local_name, "lns1-b");
	cr_expect_eq(config->peers[1].proxy_lcp, CONFIG_PROXY_RENEGOTIATE);
	cr_expect(config->peers[1].udp_checksum);
	cr_expect_str_eq(ip_addr_text(&config->subscribers.dns[1], text), "203.0.113.53");
	cr_expect_eq(config->subscribers.session_timeout, 86400);
	cr_expect_eq(config->subscribers.pool, 0);
	cr_expect_str_eq(office->password, "the office's password");
	cr_expect_eq(office->n_routes, 2);
	cr_expect_eq(office->routes[1].metric, 10);
	cr_expect_str_eq(ip_prefix_text(&office->routes[1].prefix, text), "198.18.8.0/24");
	cr_expect_eq(config_user_find(config, "bob@guest.example")->pool, 1);
	cr_expect_null(config_user_find(config, "nobody@isp.example"));
	cr_expect_eq(config->pools[0].n_aggregates, 2);
	cr_expect_eq(config->kernel.netns_mode, CONFIG_NETNS_ROOT);
	config_free(config);
	free(shown);
	free(example);
	free(manual);
}

static void section_documented(const struct schema_field *section, const char *manual)
{
	char row[64];

	for (; section->key; section++) {
		if (section->section)
			section_documented(section->section, manual);
		/* A row of a table, or the heading of a section. */
		snprintf(row, sizeof(row), "\n| `%s` |", section->key);
		if (strstr(manual, row))
			continue;
		snprintf(row, sizeof(row), "\n## %s", section->key);
		cr_expect_not_null(strstr(manual, row), "%s is not in the manual", section->key);
	}
}

Test(config, the_manual_has_every_key)
{
	char *manual = file_text(LNSD_SOURCE_DIR "/docs/configuration.md");

	section_documented(schema_root, manual);
	free(manual);
}
