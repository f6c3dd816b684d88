/* The floor: one process writes the same bytes to N loopback TCP connections, as a chat server must at least.
 * A forked reader drains them.   cc -O2 -o floor floor.c && ./floor CONNECTIONS ROUNDS BYTES PAUSE_US
 * Prints the writer's CPU time, user and kernel together, per send() in microseconds. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static double cpu_us(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

static void read_until_all_are_closed(int connections, struct sockaddr_in address) {
    static char buffer[1 << 16];
    struct epoll_event events[512];
    int poll = epoll_create1(0), open = connections;
    for (int i = 0; i < connections; i++) {
        int peer = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(peer, (void *)&address, sizeof address)) _exit(1);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = peer};
        epoll_ctl(poll, EPOLL_CTL_ADD, peer, &event);
    }
    while (open > 0) {
        int ready = epoll_wait(poll, events, 512, -1);
        for (int i = 0; i < ready; i++)
            if (read(events[i].data.fd, buffer, sizeof buffer) <= 0) {
                close(events[i].data.fd);
                open--;
            }
    }
    _exit(0);
}

int main(int count, char **given) {
    if (count != 5) return 2;
    int connections = atoi(given[1]), rounds = atoi(given[2]), bytes = atoi(given[3]), pause_us = atoi(given[4]), one = 1;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(listener, (void *)&address, length) || listen(listener, 4096)) return 1;
    getsockname(listener, (void *)&address, &length);
    if (!fork()) read_until_all_are_closed(connections, address);
    int *peers = malloc(connections * sizeof(int));
    for (int i = 0; i < connections; i++) {
        peers[i] = accept4(listener, 0, 0, SOCK_NONBLOCK);
        setsockopt(peers[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    char *frame = malloc(bytes);
    memset(frame, 'x', bytes);
    long sent = 0;
    double before = cpu_us();
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < connections; i++) sent += send(peers[i], frame, bytes, MSG_NOSIGNAL) == bytes;
        usleep(pause_us);
    }
    printf("{\"sends\": %ld, \"cpu_us_per_send\": %.2f}\n", sent, (cpu_us() - before) / sent);
    for (int i = 0; i < connections; i++) close(peers[i]);
    wait(0);
    return 0;
}
