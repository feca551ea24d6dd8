const char linux_banner[] = "mini version 1.0\n";
