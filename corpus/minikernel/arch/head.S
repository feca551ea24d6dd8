/* The first bytes of the image, and what jumps into C. */
	.section .head.text,"ax"
	.globl startup_mini
startup_mini:
	lea	boot_stack_end(%rip), %rsp
	call	start_kernel
1:	hlt
	jmp	1b

	.section .bss..boot_stack,"aw",@nobits
	.balign	16
	.skip	4096
boot_stack_end:
	.section .note.GNU-stack,"",@progbits
