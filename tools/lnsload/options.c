/* SPDX-License-Identifier: BSD-3-Clause */
/* Parses and checks the command line; every refusal names the option, the value, the expectation. */
#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "options_parse.h"

enum option_id {
	O_LNS = 256,
	O_LOCAL,
	O_SOURCE_PORT,
	O_TUNNELS,
	O_SESSIONS,
	O_PENDING,
	O_RATE,
	O_SECRET,
	O_SECRET_FILE,
	O_HOSTNAME,
	O_AUTH,
	O_USER,
	O_PASSWORD,
	O_PASSWORD_FILE,
	O_PROXY,
	O_SEQUENCING,
	O_LENGTH_BIT,
	O_HIDE,
	O_COMPRESS,
	O_UDP_CHECKSUM,
	O_HELLO,
	O_WINDOW,
	O_RETRIES,
	O_MRU,
	O_PPP_RESTART,
	O_SETUP_TIMEOUT,
	O_NETNS,
	O_INTERNET_NETNS,
	O_INTERNET_ADDR,
	O_INTERNET_REMOTE,
	O_INTERNET6_ADDR,
	O_IPV6,
	O_PPS,
	O_SIZE,
	O_TRAFFIC_SECONDS,
	O_HOLD,
	O_DIRECTION,
	O_HOPS,
	O_VERIFY_MTU,
	O_IMPAIR,
	O_IMPAIR_DATA,
	O_SEED,
	O_CYCLES,
	O_NO_TEARDOWN,
	O_TEARDOWN,
	O_JSON,
	O_WRITE_SESSIONS,
	O_QUIET,
	O_INTERVAL,
	O_LISTEN,
	O_LISTEN6,
	O_HELP,
	O_VERSION,
};

static const struct option long_options[] = {
	{"lns", required_argument, NULL, O_LNS},
	{"local", required_argument, NULL, O_LOCAL},
	{"source-port", required_argument, NULL, O_SOURCE_PORT},
	{"tunnels", required_argument, NULL, O_TUNNELS},
	{"sessions", required_argument, NULL, O_SESSIONS},
	{"pending", required_argument, NULL, O_PENDING},
	{"rate", required_argument, NULL, O_RATE},
	{"secret", required_argument, NULL, O_SECRET},
	{"secret-file", required_argument, NULL, O_SECRET_FILE},
	{"hostname", required_argument, NULL, O_HOSTNAME},
	{"auth", required_argument, NULL, O_AUTH},
	{"user", required_argument, NULL, O_USER},
	{"password", required_argument, NULL, O_PASSWORD},
	{"password-file", required_argument, NULL, O_PASSWORD_FILE},
	{"proxy", no_argument, NULL, O_PROXY},
	{"sequencing", no_argument, NULL, O_SEQUENCING},
	{"length-bit", required_argument, NULL, O_LENGTH_BIT},
	{"hide-avps", no_argument, NULL, O_HIDE},
	{"ppp-compress", no_argument, NULL, O_COMPRESS},
	{"udp-checksum", required_argument, NULL, O_UDP_CHECKSUM},
	{"hello", required_argument, NULL, O_HELLO},
	{"window", required_argument, NULL, O_WINDOW},
	{"retries", required_argument, NULL, O_RETRIES},
	{"mru", required_argument, NULL, O_MRU},
	{"ppp-restart", required_argument, NULL, O_PPP_RESTART},
	{"setup-timeout", required_argument, NULL, O_SETUP_TIMEOUT},
	{"netns", required_argument, NULL, O_NETNS},
	{"internet-netns", required_argument, NULL, O_INTERNET_NETNS},
	{"internet-addr", required_argument, NULL, O_INTERNET_ADDR},
	{"internet-remote", required_argument, NULL, O_INTERNET_REMOTE},
	{"internet6-addr", required_argument, NULL, O_INTERNET6_ADDR},
	{"ipv6", no_argument, NULL, O_IPV6},
	{"pps", required_argument, NULL, O_PPS},
	{"size", required_argument, NULL, O_SIZE},
	{"traffic-seconds", required_argument, NULL, O_TRAFFIC_SECONDS},
	{"hold", required_argument, NULL, O_HOLD},
	{"direction", required_argument, NULL, O_DIRECTION},
	{"hops", required_argument, NULL, O_HOPS},
	{"verify-mtu", no_argument, NULL, O_VERIFY_MTU},
	{"impair", required_argument, NULL, O_IMPAIR},
	{"impair-data", required_argument, NULL, O_IMPAIR_DATA},
	{"seed", required_argument, NULL, O_SEED},
	{"cycles", required_argument, NULL, O_CYCLES},
	{"no-teardown", no_argument, NULL, O_NO_TEARDOWN},
	{"teardown", required_argument, NULL, O_TEARDOWN},
	{"json", required_argument, NULL, O_JSON},
	{"write-sessions", required_argument, NULL, O_WRITE_SESSIONS},
	{"quiet", no_argument, NULL, O_QUIET},
	{"interval", required_argument, NULL, O_INTERVAL},
	{"listen", required_argument, NULL, O_LISTEN},
	{"listen6", required_argument, NULL, O_LISTEN6},
	{"esp", required_argument, NULL, OPTIONS_ESP},
	{"esp-tunnels", required_argument, NULL, OPTIONS_ESP_TUNNELS},
	{"esp-passphrase", required_argument, NULL, OPTIONS_ESP_PASSPHRASE},
	{"esp-passphrase-file", required_argument, NULL, OPTIONS_ESP_PASSPHRASE_FILE},
	{"esp-spi", required_argument, NULL, OPTIONS_ESP_SPI},
	{"esp-esn", no_argument, NULL, OPTIONS_ESP_ESN},
	{"esp-inject", required_argument, NULL, OPTIONS_ESP_INJECT},
	{"esp-state", required_argument, NULL, OPTIONS_ESP_STATE},
	{"natt", optional_argument, NULL, OPTIONS_NATT},
	{"print-sas", no_argument, NULL, OPTIONS_PRINT_SAS},
	{"write-pcap", required_argument, NULL, OPTIONS_WRITE_PCAP},
	{"pcap-packets", required_argument, NULL, OPTIONS_PCAP_PACKETS},
	{"pcap-mac", required_argument, NULL, OPTIONS_PCAP_MAC},
	{"pcap-part", required_argument, NULL, OPTIONS_PCAP_PART},
	{"pcap-vlan", required_argument, NULL, OPTIONS_PCAP_VLAN},
	{"pcap-gateway", no_argument, NULL, OPTIONS_PCAP_GATEWAY},
	{"help", no_argument, NULL, O_HELP},
	{"version", no_argument, NULL, O_VERSION},
	{NULL, 0, NULL, 0},
};

int options_refuse(const char *name, const char *value, const char *expected)
{
	fprintf(stderr, "lnsload: --%s: '%s': expected %s\n", name, value, expected);
	return -EINVAL;
}

static int options_number(const char *name, const char *value, double low, double high, double *out)
{
	char expected[96], *end;

	*out = strtod(value, &end);
	if (*value != '\0' && *end == '\0' && *out >= low && *out <= high)
		return 0;
	snprintf(expected, sizeof(expected), "a number from %.15g to %.15g", low, high);
	return options_refuse(name, value, expected);
}

int options_count(const char *name, const char *value, uint64_t low, uint64_t high, uint32_t *out)
{
	char expected[96], *end;
	uint64_t v;

	errno = 0;
	v = strtoull(value, &end, 10);
	if (*value >= '0' && *value <= '9' && *end == '\0' && errno == 0 && v >= low && v <= high) {
		*out = (uint32_t)v;
		return 0;
	}
	snprintf(expected, sizeof(expected), "a whole number from %llu to %llu",
		(unsigned long long)low, (unsigned long long)high);
	return options_refuse(name, value, expected);
}

int options_text(const char *name, const char *value, char out[OPTIONS_TEXT])
{
	if (value[0] == '\0' || strlen(value) >= OPTIONS_TEXT)
		return options_refuse(name, value, "1 to 255 characters");
	memcpy(out, value, strlen(value) + 1);
	return 0;
}

int options_file(const char *name, const char *path, char out[OPTIONS_TEXT])
{
	FILE *f = fopen(path, "re");
	int rc = 0;

	if (f == NULL)
		return options_refuse(name, path, strerror(errno));
	if (fgets(out, OPTIONS_TEXT, f) == NULL || out[strcspn(out, "\r\n")] == '\0')
		rc = options_refuse(name, path, "a file whose first line has 1 to 254 characters");
	out[strcspn(out, "\r\n")] = '\0';
	if (rc == 0 && out[0] == '\0')
		rc = options_refuse(name, path, "a file whose first line is not empty");
	fclose(f);
	return rc;
}

/* ADDR, ADDR:PORT or [ADDR6]:PORT */
static int options_address(
	const char *name, const char *value, uint16_t port, struct sockaddr_storage *out)
{
	char host[OPTIONS_TEXT], *colon;
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	const char *port_text = NULL;
	uint32_t number = port;

	memset(out, 0, sizeof(*out));
	if (strlen(value) >= sizeof(host))
		return options_refuse(name, value, "an IP address, optionally with :PORT");
	strcpy(host, value);
	if (host[0] == '[' && (colon = strchr(host, ']')) != NULL) {
		*colon++ = '\0';
		if (*colon == ':')
			port_text = colon + 1;
		memmove(host, host + 1, strlen(host + 1) + 1);
	} else if ((colon = strchr(host, ':')) != NULL && strchr(colon + 1, ':') == NULL) {
		*colon = '\0';
		port_text = value + (colon - host) + 1;
	}
	if (port_text != NULL && options_count(name, port_text, 1, 65535, &number) != 0)
		return -EINVAL;
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)number);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)number);
		return 0;
	}
	return options_refuse(name, value,
		"an IP address, optionally with a port (192.0.2.1:1701 or [2001:db8::1]:1701)");
}

static int options_inet(const char *name, const char *value, uint16_t port, struct sockaddr_in *out)
{
	struct sockaddr_storage any;
	int rc = options_address(name, value, port, &any);

	if (rc != 0)
		return rc;
	if (any.ss_family != AF_INET)
		return options_refuse(name, value, "an IPv4 address");
	memcpy(out, &any, sizeof(*out));
	return 0;
}

static int options_inet6(
	const char *name, const char *value, uint16_t port, struct sockaddr_in6 *out)
{
	struct sockaddr_storage any;
	int rc = options_address(name, value, port, &any);

	if (rc != 0)
		return rc;
	if (any.ss_family != AF_INET6)
		return options_refuse(name, value, "an IPv6 address");
	memcpy(out, &any, sizeof(*out));
	return 0;
}

static int options_locals(struct options *o, const char *name, const char *value)
{
	char list[OPTIONS_LOCALS * 48], *save, *one;

	if (strlen(value) >= sizeof(list))
		return options_refuse(name, value, "at most 64 addresses, separated by commas");
	strcpy(list, value);
	for (one = strtok_r(list, ",", &save); one != NULL; one = strtok_r(NULL, ",", &save)) {
		if (o->local_count == OPTIONS_LOCALS)
			return options_refuse(name, value, "at most 64 addresses");
		if (options_address(name, one, 1701, &o->local[o->local_count]) != 0)
			return -EINVAL;
		o->local_count++;
	}
	return 0;
}

static int options_choice(
	const char *name, const char *value, const char *const *names, const char *expected)
{
	for (int i = 0; names[i] != NULL; i++)
		if (strcmp(value, names[i]) == 0)
			return i;
	return options_refuse(name, value, expected);
}

int options_rates(const char *name, const char *value, const struct options_rate *rates, unsigned n,
	const char *expected)
{
	char list[OPTIONS_TEXT], *save, *one;

	if (strlen(value) >= sizeof(list))
		return options_refuse(name, value, expected);
	strcpy(list, value);
	for (one = strtok_r(list, ",", &save); one != NULL; one = strtok_r(NULL, ",", &save)) {
		char *equal = strchr(one, '='), *end;
		double *to = NULL;

		if (equal == NULL)
			return options_refuse(name, value, expected);
		*equal = '\0';
		for (unsigned i = 0; i < n; i++)
			if (strcmp(one, rates[i].name) == 0)
				to = rates[i].to;
		if (to == NULL)
			return options_refuse(name, value, expected);
		*to = strtod(equal + 1, &end);
		if (equal[1] == '\0' || *end != '\0' || !(*to >= 0 && *to <= 90))
			return options_refuse(name, value, expected);
	}
	return 0;
}

static int options_impair(const char *name, const char *value, struct impair_rates *r)
{
	const struct options_rate rates[] = {
		{"loss", &r->loss}, {"dup", &r->duplicate}, {"reorder", &r->reorder}};

	return options_rates(
		name, value, rates, 3, "loss=P,dup=P,reorder=P with P from 0 to 90 percent");
}

static int options_switch(const char *name, const char *value, bool *out)
{
	static const char *const names[] = {"off", "on", NULL};
	int i = options_choice(name, value, names, "on or off");

	*out = i == 1;
	return i < 0 ? i : 0;
}

static int options_one(struct options *o, int id, const char *name, const char *v)
{
	static const char *const auths[] = {"any", "pap", "chap", "mschapv2", "mix", NULL};
	static const char *const downs[] = {"stopccn", "cdn", "terminate", "mix", NULL};
	static const char *const ports[] = {"fixed", "any", NULL};
	static const char *const ways[] = {"", "up", "down", "both", NULL};
	char *end;
	int i;

	if (id >= OPTIONS_WRITE_PCAP)
		return options_capture_one(&o->capture, id, name, v);
	if (id >= OPTIONS_ESP)
		return options_esp_one(&o->esp, id, name, v);
	switch (id) {
	case O_LNS:
		return options_address(name, v, 1701, &o->lns);
	case O_LOCAL:
		return options_locals(o, name, v);
	case O_SOURCE_PORT:
		i = options_choice(name, v, ports, "fixed or any");
		o->source_port_any = i == 1;
		return i < 0 ? i : 0;
	case O_TUNNELS:
		return options_count(name, v, 1, 65535, &o->tunnels);
	case O_SESSIONS:
		return options_count(name, v, 0, OPTIONS_MAX_SESSIONS, &o->sessions);
	case O_PENDING:
		return options_count(name, v, 1, 1000000, &o->pending);
	case O_RATE:
		return options_number(name, v, 0, 1000000, &o->rate);
	case O_SECRET:
		return options_text(name, v, o->secret);
	case O_SECRET_FILE:
		return options_file(name, v, o->secret);
	case O_HOSTNAME:
		return options_text(name, v, o->hostname);
	case O_AUTH:
		i = options_choice(name, v, auths, "any, pap, chap, mschapv2 or mix");
		o->auth = (enum options_auth)i;
		return i < 0 ? i : 0;
	case O_USER:
		return options_text(name, v, o->user);
	case O_PASSWORD:
		return options_text(name, v, o->password);
	case O_PASSWORD_FILE:
		return options_file(name, v, o->password);
	case O_PROXY:
		o->proxy = true;
		return 0;
	case O_SEQUENCING:
		o->sequencing = true;
		return 0;
	case O_LENGTH_BIT:
		return options_switch(name, v, &o->length_bit);
	case O_HIDE:
		o->hide = true;
		return 0;
	case O_COMPRESS:
		o->compress = true;
		return 0;
	case O_UDP_CHECKSUM:
		return options_switch(name, v, &o->udp_checksum);
	case O_HELLO:
		return options_count(name, v, 0, 86400, &o->hello_seconds);
	case O_WINDOW:
		return options_count(name, v, 1, 32767, &o->window);
	case O_RETRIES:
		return options_count(name, v, 1, 100, &o->retries);
	case O_MRU:
		return options_count(name, v, 128, 1500, &o->mru);
	case O_PPP_RESTART:
		return options_count(name, v, 50, 60000, &o->ppp_restart_ms);
	case O_SETUP_TIMEOUT:
		return options_count(name, v, 1, 86400, &o->setup_timeout_seconds);
	case O_NETNS:
		return options_text(name, v, o->netns);
	case O_INTERNET_NETNS:
		return options_text(name, v, o->internet_netns);
	case O_INTERNET_ADDR:
		o->internet_local = true;
		return options_inet(name, v, 7007, &o->internet);
	case O_INTERNET_REMOTE:
		o->internet_remote = true;
		return options_inet(name, v, 7007, &o->internet);
	case O_INTERNET6_ADDR:
		o->by_ipv6 = true;
		return options_inet6(name, v, 7007, &o->internet6);
	case O_IPV6:
		o->ipv6 = true;
		return 0;
	case O_PPS:
		return options_number(name, v, 0, 100e6, &o->pps);
	case O_SIZE:
		if (strcmp(v, "imix") == 0) {
			o->size = 0;
			return 0;
		}
		return options_count(name, v, 60, 1500, &o->size);
	case O_TRAFFIC_SECONDS:
		return options_count(name, v, 0, 31536000, &o->traffic_seconds);
	case O_HOLD:
		return options_count(name, v, 0, 31536000, &o->hold_seconds);
	case O_DIRECTION:
		i = options_choice(name, v, ways, "up, down or both");
		o->direction = (unsigned)i;
		return i < 1 ? -EINVAL : 0;
	case O_HOPS:
		return options_count(name, v, 1, 60, &o->hops);
	case O_VERIFY_MTU:
		o->verify_mtu = true;
		return 0;
	case O_IMPAIR:
		return options_impair(name, v, &o->impair);
	case O_IMPAIR_DATA:
		return options_impair(name, v, &o->impair_data);
	case O_SEED:
		o->seed = strtoull(v, &end, 0);
		return *v == '\0' || *end != '\0' ? options_refuse(name, v, "a number") : 0;
	case O_CYCLES:
		return options_count(name, v, 1, 1000000, &o->cycles);
	case O_NO_TEARDOWN:
		o->no_teardown = true;
		return 0;
	case O_TEARDOWN:
		i = options_choice(name, v, downs, "stopccn, cdn, terminate or mix");
		o->teardown = (enum options_teardown)i;
		return i < 0 ? i : 0;
	case O_JSON:
		return options_text(name, v, o->json);
	case O_WRITE_SESSIONS:
		return options_text(name, v, o->write_sessions);
	case O_QUIET:
		o->quiet = true;
		return 0;
	case O_INTERVAL:
		return options_number(name, v, 0.05, 86400, &o->interval_seconds);
	case O_LISTEN:
		return options_inet(name, v, 7007, &o->listen);
	case O_LISTEN6:
		return options_inet6(name, v, 7007, &o->listen6);
	default:
		return -EINVAL;
	}
}

static int options_consistent(struct options *o)
{
	const char *wrong = NULL;

	if (o->reflect) {
		if (o->listen.sin_family == 0)
			wrong = "reflect needs --listen ADDR:PORT";
	} else if (o->lns.ss_family == 0) {
		wrong = "--lns ADDR[:PORT] is needed (--help shows all options)";
	} else if (o->sessions > (uint64_t)o->tunnels * 65534) {
		wrong = "--sessions: a tunnel carries at most 65534 of them, more --tunnels are "
			"needed";
	} else if (o->internet_local && o->internet_remote) {
		wrong = "--internet-addr and --internet-remote: the far end is either here or "
			"there";
	} else if (o->by_ipv6 && (!o->ipv6 || (!o->internet_local && !o->internet_remote))) {
		wrong = "--internet6-addr needs --ipv6, and --internet-addr or --internet-remote: "
			"IPv6 is every second packet";
	} else if (o->by_ipv6 && o->internet6.sin6_port != o->internet.sin_port) {
		wrong = "--internet6-addr: the port must be that of the far end by IPv4";
	} else if (o->pps > 0 && !o->internet_local && !o->internet_remote) {
		wrong = "--pps needs a far end: --internet-addr ADDR or --internet-remote "
			"ADDR:PORT";
	} else if (o->verify_mtu && !o->internet_local) {
		wrong = "--verify-mtu needs the far end in this process: --internet-addr ADDR";
	} else if (o->size > o->mru) {
		wrong = "--size: larger than --mru, the packets would come in fragments";
	} else if (o->cycles > 1 && o->no_teardown) {
		wrong = "--cycles above 1 and --no-teardown exclude each other";
	}
	for (uint32_t i = 0; wrong == NULL && i < o->local_count; i++)
		if (o->local[i].ss_family != o->lns.ss_family)
			wrong = "--local: addresses must be of the same family as --lns";
	if (wrong == NULL)
		wrong = options_esp_conclude(o);
	if (wrong == NULL)
		wrong = options_capture_conclude(o);
	if (wrong == NULL)
		return 0;
	fprintf(stderr, "lnsload: %s\n", wrong);
	return -EINVAL;
}

int options_parse(struct options *o, int argc, char **argv)
{
	int id, index = 0;

	memset(o, 0, sizeof(*o));
	o->tunnels = 1;
	o->sessions = 1;
	o->pending = 1000;
	strcpy(o->hostname, "lnsload");
	strcpy(o->user, "sub%d@isp.example");
	strcpy(o->password, "secret%d");
	o->window = 256;
	o->retries = 10;
	o->mru = 1492;
	o->ppp_restart_ms = 1000;
	o->setup_timeout_seconds = 60;
	o->size = 512;
	o->traffic_seconds = 10;
	o->direction = OPTIONS_UP | OPTIONS_DOWN;
	o->hops = 1;
	o->cycles = 1;
	o->interval_seconds = 1;
	o->esp.spi = 0x10000;
	o->capture.packets = 65536;
	o->capture.parts = 1;
	memcpy(o->capture.mac, (const uint8_t[6]){2, 0, 0, 0, 0, 1}, 6);
	if (getrandom(&o->seed, sizeof(o->seed), 0) != (ssize_t)sizeof(o->seed))
		o->seed = 1;
	if (argc > 1 && strcmp(argv[1], "reflect") == 0) {
		o->reflect = true;
		argc--;
		argv++;
	}
	optind = 1;
	while ((id = getopt_long(argc, argv, "", long_options, &index)) != -1) {
		if (id == O_HELP) {
			options_usage();
			return 1;
		}
		if (id == O_VERSION) {
			printf("lnsload %s\n", LNSD_VERSION);
			return 1;
		}
		/* its value may stand behind a space, as that of every other option */
		if (id == OPTIONS_NATT && optarg == NULL && optind < argc && argv[optind][0] != '-')
			optarg = argv[optind++];
		if (id == '?' || options_one(o, id, long_options[index].name, optarg) != 0)
			return -EINVAL;
	}
	if (optind < argc) {
		fprintf(stderr, "lnsload: '%s': expected an option (--help shows them)\n",
			argv[optind]);
		return -EINVAL;
	}
	return options_consistent(o);
}
