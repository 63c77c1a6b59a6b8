/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network namespace that the TAPs and TUNs live in.
 */
#include "kernel_netns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define NETNS_FOLDER "/run/netns"

struct kernel_netns {
	char name[CONFIG_NAME_MAX]; /* "" = root */
	char path[sizeof(NETNS_FOLDER) + 1 + CONFIG_NAME_MAX];
	int fd, home; /* -1 for root */
	bool made;
};

/* A PCI address as EAL takes it ("0000:3b:00.1", "3b:00.1", arguments behind a comma). */
static bool device_is_pci(const char *device)
{
	unsigned int a, b, c, d;
	int n = 0;

	if (sscanf(device, "%x:%x:%x.%x%n", &a, &b, &c, &d, &n) == 4 ||
		sscanf(device, "%x:%x.%x%n", &a, &b, &c, &n) == 3)
		return device[n] == '\0' || device[n] == ',';
	return false;
}

static bool wants_named(const struct config *config)
{
	if (config->kernel.netns_mode != CONFIG_NETNS_AUTO)
		return config->kernel.netns_mode == CONFIG_NETNS_NAMED;
	for (unsigned int i = 0; i < config->n_interfaces; i++)
		if (!device_is_pci(config->interfaces[i].device))
			return true;
	return false;
}

static int loopback_up(void)
{
	struct ifreq ifr = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) < 0) {
		r = -errno;
	} else if (!(ifr.ifr_flags & IFF_UP)) {
		ifr.ifr_flags |= IFF_UP;
		if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
			r = -errno;
	}
	close(fd);
	return r;
}

static int loopback_up_inside(void *unused)
{
	(void)unused;
	return loopback_up();
}

/* The namespace is unshared by a thread that ends right away: no other thread ever leaves its own. */
static void *make_thread(void *argument)
{
	const char *path = argument;
	int r = 0;

	if (unshare(CLONE_NEWNET) < 0)
		return (void *)(intptr_t)-errno;
	if (mount("/proc/thread-self/ns/net", path, "none", MS_BIND, NULL) < 0)
		r = -errno;
	return (void *)(intptr_t)r;
}

/* As ip-netns(8): the folder is a shared mount, so that names reach other mount namespaces too. */
static int folder_prepare(void)
{
	if (mkdir(NETNS_FOLDER, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (mount("", NETNS_FOLDER, "none", MS_SHARED | MS_REC, NULL) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	if (mount(NETNS_FOLDER, NETNS_FOLDER, "none", MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	if (mount("", NETNS_FOLDER, "none", MS_SHARED | MS_REC, NULL) < 0)
		return -errno;
	return 0;
}

static int netns_make(struct kernel_netns *netns)
{
	pthread_t thread;
	void *result;
	int r, fd;

	r = folder_prepare();
	if (r < 0)
		return r;
	fd = open(netns->path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	close(fd);
	r = -pthread_create(&thread, NULL, make_thread, netns->path);
	if (r == 0) {
		pthread_join(thread, &result);
		r = (int)(intptr_t)result;
	}
	if (r < 0)
		unlink(netns->path);
	else
		netns->made = true;
	return r;
}

struct kernel_netns *kernel_netns_open(const struct config *config, char *error, size_t error_size)
{
	struct kernel_netns *netns = calloc(1, sizeof(*netns));
	int r;

	if (!netns) {
		snprintf(error, error_size, "kernel.netns: out of memory");
		return NULL;
	}
	netns->fd = netns->home = -1;
	if (!wants_named(config))
		return netns;
	snprintf(netns->name, sizeof(netns->name), "%s", config->kernel.netns);
	if (!netns->name[0] || strchr(netns->name, '/') || netns->name[0] == '.') {
		snprintf(error, error_size,
			"kernel.netns: '%s' cannot be a name under " NETNS_FOLDER, netns->name);
		goto fail;
	}
	snprintf(netns->path, sizeof(netns->path), NETNS_FOLDER "/%s", netns->name);
	netns->home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (netns->home < 0) {
		snprintf(error, error_size, "/proc/thread-self/ns/net: %s", strerror(errno));
		goto fail;
	}
	netns->fd = open(netns->path, O_RDONLY | O_CLOEXEC);
	if (netns->fd < 0 && errno == ENOENT) {
		r = netns_make(netns);
		if (r < 0) {
			snprintf(error, error_size,
				"kernel.netns: network namespace '%s' could not be made: %s%s",
				netns->name, strerror(-r),
				r == -EPERM ? " (CAP_SYS_ADMIN is needed)" : "");
			goto fail;
		}
		netns->fd = open(netns->path, O_RDONLY | O_CLOEXEC);
	}
	if (netns->fd < 0) {
		snprintf(error, error_size, "%s: %s", netns->path, strerror(errno));
		goto fail;
	}
	r = kernel_netns_run(netns, loopback_up_inside, NULL);
	if (r < 0) {
		snprintf(error, error_size,
			"kernel.netns: network namespace '%s' could not be entered: %s%s",
			netns->name, strerror(-r),
			r == -EINVAL          ? " (the file is no network namespace: remove it)"
				: r == -EPERM ? " (CAP_SYS_ADMIN is needed)"
					      : "");
		goto fail;
	}
	return netns;

fail:
	kernel_netns_close(netns);
	return NULL;
}

const char *kernel_netns_name(const struct kernel_netns *netns)
{
	return netns->name[0] ? netns->name : NULL;
}

int kernel_netns_run(struct kernel_netns *netns, int (*function)(void *argument), void *argument)
{
	int r;

	if (netns->fd < 0)
		return function(argument);
	if (setns(netns->fd, CLONE_NEWNET) < 0)
		return -errno;
	r = function(argument);
	if (setns(netns->home, CLONE_NEWNET) < 0) {
		/* a control core in the wrong namespace would bind its sockets there: nothing sane can follow */
		fprintf(stderr, "cannot return from network namespace '%s': %s\n", netns->name,
			strerror(errno));
		abort();
	}
	return r;
}

void kernel_netns_close(struct kernel_netns *netns)
{
	if (!netns)
		return;
	if (netns->fd >= 0)
		close(netns->fd);
	if (netns->home >= 0)
		close(netns->home);
	if (netns->made) {
		umount2(netns->path, MNT_DETACH);
		unlink(netns->path);
	}
	free(netns);
}
