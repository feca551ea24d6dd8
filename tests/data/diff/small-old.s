	.section .sdata,"aw",@progbits
	.globl sv
	.type sv, @object
	.size sv, 4
sv:	.long 1
	.section .sbss,"aw",@nobits
	.globl sz
	.type sz, @object
	.size sz, 8
sz:	.space 8
	.section .sbss.q,"aw",@nobits
	.type lz, @object
	.size lz, 8
lz:	.space 8
