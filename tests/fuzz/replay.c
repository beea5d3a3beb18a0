/* replay: main for builds without libFuzzer. Feeds each file of the given folders to the target, so that every build,
 * also with gcc and its sanitizers, runs every seed. Fails when a folder is missing or has no file. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEED_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An exact copy on the heap, so that a sanitizer sees one octet too far. */
static int replay_file(const char *path, size_t size)
{
    int result = -1;
    uint8_t *data = malloc(size > 0 ? size : 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (data != NULL && fd >= 0 && read(fd, data, size) == (ssize_t)size)
        result = LLVMFuzzerTestOneInput(data, size);
    else
        fprintf(stderr, "%s: cannot be read\n", path);
    if (fd >= 0)
        close(fd);
    free(data);
    return result;
}

/* Returns the number of seeds, -1 on an error. */
static int replay_folder(const char *folder)
{
    char path[PATH_MAX];
    int count = 0;
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return -1;
    for (struct dirent *entry; count >= 0 && (entry = readdir(dir)) != NULL;) {
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
            continue;
        if (info.st_size > SEED_MAX || replay_file(path, (size_t)info.st_size) != 0)
            count = -1;
        else
            count++;
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int count = replay_folder(argv[i]);
        if (count <= 0) {
            fprintf(stderr, "%s: %s\n", argv[i], count == 0 ? "no seeds here" : "failed");
            return 1;
        }
        printf("%s: %d seeds\n", argv[i], count);
    }
    if (argc < 2)
        fprintf(stderr, "usage: %s FOLDER...\n", argv[0]);
    return argc < 2;
}
