/* A stand-in for libnccl with only rank 0: what it broadcasts is appended to a file beside this
   library, one for each group. Calls begin at once and are done when they are next asked about, as those of a
   communicator that does not block. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { char bytes[128]; } unique_id;
typedef struct { size_t size; unsigned magic, version; int blocking; } config;
typedef struct { int group, in_progress; } comm;

enum { SUCCESS = 0, INVALID_ARGUMENT = 4, IN_PROGRESS = 7 };

static FILE *beside(const char *suffix, const char *mode) {
    Dl_info info;
    char path[4096];
    dladdr((void *)beside, &info);
    snprintf(path, sizeof path, "%s.%s", info.dli_fname, suffix);
    return fopen(path, mode);
}

int ncclGetUniqueId(unique_id *id) {
    static int groups;
    memset(id->bytes, 7, sizeof id->bytes);
    id->bytes[0] = ++groups;
    return SUCCESS;
}

int ncclCommInitRankConfig(comm **made, int ranks, unique_id id, int rank, config *config) {
    if (config->magic != 0xcafebeef || config->blocking != 0 || rank != 0 || id.bytes[127] != 7 || ranks < 2)
        return INVALID_ARGUMENT;
    *made = calloc(1, sizeof(comm));
    (*made)->group = id.bytes[0];
    (*made)->in_progress = 1;
    return IN_PROGRESS;
}

int ncclCommGetAsyncError(comm *comm, int *error) {
    FILE *absent = beside("absent", "r");
    if (absent) {
        fclose(absent);
        *error = IN_PROGRESS;
        return SUCCESS;
    }
    *error = comm->in_progress ? IN_PROGRESS : SUCCESS;
    comm->in_progress = 0;
    return SUCCESS;
}

static int begin(comm *comm) {
    if (!comm || comm->in_progress)
        return INVALID_ARGUMENT;
    comm->in_progress = 1;
    return IN_PROGRESS;
}

int ncclAllReduce(const void *from, void *to, size_t count, int type, int op, comm *comm, void *stream) {
    (void)from, (void)to, (void)stream;
    return count == 1 && type == 7 && op == 0 ? begin(comm) : INVALID_ARGUMENT;
}

int ncclBroadcast(const void *from, void *to, size_t count, int type, int root, comm *comm, void *stream) {
    (void)to, (void)stream;
    if (root != 0 || !comm)
        return INVALID_ARGUMENT;
    char suffix[32];
    snprintf(suffix, sizeof suffix, "sent.%d", comm->group);
    FILE *sent = beside(suffix, "a");
    fwrite(from, type == 7 ? 4 : 2, count, sent);
    fclose(sent);
    return begin(comm);
}

int ncclCommAbort(comm *comm) {
    free(comm);
    return SUCCESS;
}

const char *ncclGetErrorString(int code) {
    return code == INVALID_ARGUMENT ? "invalid argument" : "unhandled error";
}
