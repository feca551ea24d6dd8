// A shared library whose version script decides what stays.
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>

namespace lib {
struct Reader {
	std::map<int, std::string> lines;
	std::string next();
	std::string hidden();
};
struct Writer {
	virtual ~Writer();
	virtual void write(const std::string &text);
	int total = 0;
};
std::string Reader::next()
{
	if (lines.empty())
		throw std::runtime_error("no line");
	auto first = lines.begin();
	auto text = first->second;
	lines.erase(first);
	return text;
}
std::string Reader::hidden() { return next() + next(); }
Writer::~Writer() = default;
void Writer::write(const std::string &text) { total += std::printf("%s\n", text.c_str()); }
}

static lib::Reader reader;
extern "C" {
int lib_open(int n) { reader.lines[n] = std::to_string(n); return n; }
int lib_read(void) { return reader.next().size(); }
int lib_read_all(void) { int n = 0; while (!reader.lines.empty()) n += lib_read(); return n; }
int lib_close(void) { reader.lines.clear(); return 0; }
int lib_internal(void) { return reader.hidden().size(); }
}
