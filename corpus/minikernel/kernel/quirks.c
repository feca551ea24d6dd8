/* Quirks: functions that live through a kept table, and tags that are lost with theirs. */
#include "mini.h"

extern const struct table_entry __start_pci_fixups[], __end_pci_fixups[];
extern const struct table_entry __tagtable_begin[], __tagtable_end[];

static volatile int quirk_state;
static void quirk_a(void) { quirk_state |= 1; }
static void quirk_b(void) { quirk_state |= 2; }
TABLE_ENTRY(".pci_fixup", quirk_a, 1);
TABLE_ENTRY(".pci_fixup", quirk_b, 2);

static volatile int tag_state;
static void parse_memory_tag(void) { tag_state |= 4; }
static void parse_console_tag(void) { tag_state |= 8; }
TABLE_ENTRY(".taglist.init", parse_memory_tag, 0x54410002);
TABLE_ENTRY(".taglist.init", parse_console_tag, 0x54410005);

static void each(const struct table_entry *from, const struct table_entry *to)
{
	for (; from < to; from++)
		from->function();
}

void run_quirks(void)
{
	each(__start_pci_fixups, __end_pci_fixups);
	each(__tagtable_begin, __tagtable_end);
}
