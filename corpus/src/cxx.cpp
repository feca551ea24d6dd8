// Exceptions, streams, containers, regular expressions, threads: much of libstdc++.
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct Shape {
	virtual ~Shape() = default;
	virtual double area() const = 0;
	virtual std::string unused_name() const { return "shape"; }
};
struct Square final : Shape {
	double side = 2;
	double area() const override { return side * side; }
};
struct Unused final : Shape {
	double area() const override { throw std::logic_error("unused"); }
};

template <class Value> Value checked(Value value, Value limit)
{
	if (value > limit)
		throw std::out_of_range("value " + std::to_string(value));
	return value;
}

// Never called: must go, with its exception table.
void unused_function()
{
	try {
		std::cout << checked(1L, 0L) << Unused().area();
	} catch (const std::logic_error &error) {
		std::cerr << error.what();
	}
}

static std::mutex guard;
static thread_local int visits;

static void count(std::map<std::string, int> &words, const std::string &text)
{
	static const std::regex word("[[:alpha:]]+([0-9]{1,3})?");
	for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it) {
		std::lock_guard<std::mutex> lock(guard);
		words[it->str()] += ++visits;
	}
}

int main(int argc, char **argv)
{
	std::map<std::string, int> words;
	std::vector<std::thread> threads;
	std::unique_ptr<Shape> shape = std::make_unique<Square>();
	for (int i = 0; i < argc; i++)
		threads.emplace_back(count, std::ref(words), std::string(argv[i]));
	for (auto &thread : threads)
		thread.join();
	auto later = std::async(std::launch::async, [&] { return checked(shape->area(), 100.0); });
	try {
		std::ostringstream line;
		line << later.get() << ' ' << checked(argc, 3);
		std::cout << line.str() << '\n';
		for (const auto &[word, times] : words)
			std::cout << word << ' ' << times << std::endl;
	} catch (const std::exception &error) {
		std::cerr << "error: " << error.what() << '\n';
		return 1;
	}
	return 0;
}
