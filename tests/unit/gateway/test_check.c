/* What cannot be made in a test: filesystems of other machines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/magic.h>

#include "gateway/check/internal.h"

/* The numbers are the kernel's (statfs(2)). */
static void test_disks_that_are_not_local(void **state)
{
    static const struct {
        unsigned long type;
        const char *name;
    } cases[] = {
        {0x6969, "NFS"},     {0x517b, "SMB"},      {0xff534d42, "CIFS"},           {0xfe534d42, "SMB"},
        {0x5346414f, "AFS"}, {0x73757245, "Coda"}, {0x00c36400, "Ceph"},           {0x7461636f, "OCFS2"},
        {0xef53, NULL},      {0x58465342, NULL},   {0x9123683e, NULL} /* btrfs */, {0x794c7630, NULL} /* overlay */,
        {TMPFS_MAGIC, NULL}, {0x2fc12fc1, NULL} /* ZFS */};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *unfit = place_unfit(cases[i].type);
        if (cases[i].name == NULL)
            assert_null(unfit);
        else
            assert_string_equal(unfit, cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_disks_that_are_not_local)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
