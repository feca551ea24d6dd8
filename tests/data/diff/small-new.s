	.section .sdata,"aw",@progbits
	.globl sv
	.type sv, @object
	.size sv, 8
sv:	.long 1,2
	.section .sbss,"aw",@nobits
	.globl sz
	.type sz, @object
	.size sz, 8
sz:	.space 8
	.section .sbss.q,"aw",@nobits
	.type ly, @object
	.size ly, 8
ly:	.space 8
