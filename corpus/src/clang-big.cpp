// A clang tool that also owns every code generator of LLVM: reads C++ files, prints each function definition,
// then lists the registered targets and compiles an empty module for one of them.
#include "clang/AST/RecursiveASTVisitor.h"
#include "clang/ASTMatchers/ASTMatchFinder.h"
#include "clang/ASTMatchers/ASTMatchers.h"
#include "clang/Frontend/CompilerInstance.h"
#include "clang/Frontend/FrontendActions.h"
#include "clang/CodeGen/CodeGenAction.h"
#include "clang/Tooling/CommonOptionsParser.h"
#include "clang/Tooling/Tooling.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Passes/PassPlugin.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace clang;
using namespace clang::ast_matchers;

static llvm::cl::OptionCategory category("clang-big");

// libclangCodeGen.a asks for Polly, whose archive llvm-14-dev does not contain.
llvm::PassPluginLibraryInfo getPollyPluginInfo() { return { LLVM_PLUGIN_API_VERSION, "none", "", nullptr }; }

struct Printer : MatchFinder::MatchCallback {
	void run(const MatchFinder::MatchResult &result) override
	{
		if (const auto *function = result.Nodes.getNodeAs<FunctionDecl>("function"))
			llvm::outs() << function->getQualifiedNameAsString() << '\n';
	}
};

int main(int argc, const char **argv)
{
	llvm::InitializeAllTargetInfos();
	llvm::InitializeAllTargets();
	llvm::InitializeAllTargetMCs();
	llvm::InitializeAllAsmPrinters();
	llvm::InitializeAllAsmParsers();
	llvm::InitializeAllDisassemblers();

	for (const llvm::Target &target : llvm::TargetRegistry::targets())
		llvm::outs() << target.getName() << ' ' << target.getShortDescription() << '\n';

	std::string error, triple = "x86_64-linux-gnu";
	if (const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error)) {
		llvm::LLVMContext context;
		llvm::Module module("empty", context);
		llvm::PassBuilder passes(target->createTargetMachine(triple, "", "", {}, llvm::None));
		llvm::ModuleAnalysisManager manager;
		passes.registerModuleAnalyses(manager);
		llvm::outs() << module.getName() << '\n';
	}

	auto options = tooling::CommonOptionsParser::create(argc, argv, category);
	if (!options)
		return 1;
	tooling::ClangTool tool(options->getCompilations(), options->getSourcePathList());
	Printer printer;
	MatchFinder finder;
	finder.addMatcher(functionDecl(isDefinition()).bind("function"), &printer);
	int status = tool.run(tooling::newFrontendActionFactory(&finder).get());
	return status | tool.run(tooling::newFrontendActionFactory<EmitObjAction>().get());
}
