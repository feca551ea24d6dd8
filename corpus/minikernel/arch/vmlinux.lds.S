/* The script of the small kernel. With -DKEEP_ALL every table is kept; without, two tables are forgotten on purpose. */
#ifdef KEEP_ALL
#define FIXUP(name) KEEP(*(name))
#else
#define FIXUP(name) *(name)
#endif
#ifdef CONFIG_LD_DEAD_CODE_DATA_ELIMINATION
#define TEXT_MAIN .text .text.[0-9a-zA-Z_]*
#define DATA_MAIN .data .data.[0-9a-zA-Z_]*
#define RODATA_MAIN .rodata .rodata.[0-9a-zA-Z_]*
#define BSS_MAIN .bss .bss.[0-9a-zA-Z_]*
#else
#define TEXT_MAIN .text
#define DATA_MAIN .data
#define RODATA_MAIN .rodata .rodata.*
#define BSS_MAIN .bss
#endif
#define TABLE(name) . = ALIGN(8); __start_##name = .; KEEP(*(name)) __stop_##name = .;
#define LEVEL(level) __initcall##level##_start = .; KEEP(*(.initcall##level##.init)) KEEP(*(.initcall##level##s.init))

OUTPUT_ARCH(i386:x86-64)
ENTRY(phys_startup)
jiffies = ticks;
SECTIONS
{
	. = 0x1000000;
	phys_startup = startup_mini;
	.head.text : { _text = .; KEEP(*(.head.text)) }
	.text : {
		*(.text.hot .text.hot.*)
		*(TEXT_MAIN)
		__noinstr_text_start = .; *(.noinstr.text) __noinstr_text_end = .;
		_etext = .;
	}
	.rodata : {
		*(RODATA_MAIN)
		*(.rodata.str*)
	}
	__ksymtab : { __start___ksymtab = .; KEEP(*(SORT(___ksymtab+*))) __stop___ksymtab = .; }
	__ksymtab_gpl : { __start___ksymtab_gpl = .; KEEP(*(SORT(___ksymtab_gpl+*))) __stop___ksymtab_gpl = .; }
	__kcrctab : { __start___kcrctab = .; KEEP(*(SORT(___kcrctab+*))) __stop___kcrctab = .; }
	__kflagstab : { __start___kflagstab = .; KEEP(*(SORT(___kflagstab+*))) __stop___kflagstab = .; }
	__ksymtab_strings : { *(__ksymtab_strings) }
	.pci_fixup : { __start_pci_fixups = .; KEEP(*(.pci_fixup)) __end_pci_fixups = .; }
	__feature_fixup : { . = ALIGN(8); __start___feature_fixup = .; KEEP(*(__feature_fixup)) __stop___feature_fixup = .; }
	__barrier_fixup : { . = ALIGN(8); __start___barrier_fixup = .; FIXUP(__barrier_fixup) __stop___barrier_fixup = .; }
	__tagtable : { . = ALIGN(8); __tagtable_begin = .; FIXUP(.taglist.init) __tagtable_end = .; }
	.init.text : { _sinittext = .; *(.init.text .init.text.*) _einittext = .; }
	.init.data : {
		*(.init.data .init.data.*)
		__initcall_start = .; KEEP(*(.initcallearly.init))
		LEVEL(0) LEVEL(1) LEVEL(2) LEVEL(3) LEVEL(4) LEVEL(5) LEVEL(rootfs) LEVEL(6) LEVEL(7)
		__initcall_end = .;
		TABLE(__param)
	}
	.data : { *(DATA_MAIN) }
	.bss : { *(.bss..boot_stack) *(BSS_MAIN) *(COMMON) _end = .; }
	.notes : { KEEP(*(.note.*)) }
	/DISCARD/ : {
		*(.exit.text) *(.exit.data) *(.exitcall.exit)
		*(.discard) *(.discard.*) *(.modinfo) *(.export_symbol) *(.comment) *(.eh_frame) *(.note.GNU-stack)
	}
}
