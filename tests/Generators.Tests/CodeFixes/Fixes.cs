using Marrow.CodeFixes;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace Marrow.Generators.Tests.CodeFixes;

/// <summary>What the code fixes make of a source, trivia and layout kept.</summary>
public class Fixes
{
    private const string Mlp = """
        [Model]
        public partial class Mlp(int width, int hidden)
        {
            [Linear(nameof(width), nameof(hidden))] public partial Linear Up { get; }
            [Forward] private Tensor Network(Tensor x) => Up.call(x);
        }

        """;

    [Fact]
    public Task AddPartial_KeepsCommentsAndModifiers() => Check(
        new AddPartialFix(),
        "Add 'partial'",
        "/* a */ [Model]\npublic sealed class Net // b\n{ [Forward] private Tensor Network(Tensor x) => x; }",
        "/* a */ [Model]\npublic sealed partial class Net // b\n{ [Forward] private Tensor Network(Tensor x) => x; }");

    [Fact]
    public Task AddPartial_WithoutModifiers_TakesOverTheLeadingTrivia() => Check(
        new AddPartialFix(),
        "Add 'partial'",
        "[Model]\n// here\nclass Net { [Forward] private Tensor Network(Tensor x) => x; }",
        "[Model]\n// here\npartial class Net { [Forward] private Tensor Network(Tensor x) => x; }");

    [Fact]
    public Task AddPartial_InANestedClass_ReachesTheTypesAroundIt() => Check(
        new AddPartialFix(),
        "Add 'partial'",
        "public class Outer { [Model] public class Net { [Forward] private Tensor Network(Tensor x) => x; } }",
        "public partial class Outer { [Model] public partial class Net "
        + "{ [Forward] private Tensor Network(Tensor x) => x; } }");

    [Theory]
    [InlineData("Use 32", "BlockSize = 32")]
    [InlineData("Use 64", "BlockSize = 64")]
    public Task BlockSize_OffersTheNearestThatDivide(string title, string argument) => Check(
        new BlockSizeFix(),
        title,
        Mlp + "[Bone(BlockSize = /* why */ 48, Targets = \"up\")] public partial class Small() : Mlp(64, 256);",
        Mlp + $"[Bone({argument.Replace("= ", "= /* why */ ")}, Targets = \"up\")] "
            + "public partial class Small() : Mlp(64, 256);");

    [Fact]
    public Task BlockSize_NotWrittenOut_IsAdded() => Check(
        new BlockSizeFix(),
        "Use 48",
        Mlp + "[Bone] public partial class Small() : Mlp(48, 96);",
        Mlp + "[Bone(BlockSize = 48)] public partial class Small() : Mlp(48, 96);");

    private static async Task Check(CodeFixProvider provider, string title, string source, string expected)
    {
        var token = TestContext.Current.CancellationToken;
        using var workspace = new AdhocWorkspace();
        var compilation = TestCompilation.Create(source);
        var project = workspace.AddProject("Test", LanguageNames.CSharp)
            .WithParseOptions(compilation.SyntaxTrees[0].Options)
            .WithCompilationOptions(compilation.Options)
            .WithMetadataReferences(compilation.References);
        var document = project.AddDocument("Usings.cs", compilation.SyntaxTrees[0].ToString()).Project.AddDocument(
            "Test.cs", source);

        var diagnostic = (await Markup.Analyze((CSharpCompilation)(await document.Project.GetCompilationAsync(token))!))
            .First(found => provider.FixableDiagnosticIds.Contains(found.Id));
        var actions = new List<CodeAction>();
        await provider.RegisterCodeFixesAsync(new CodeFixContext(
            document,
            Diagnostic.Create(
                Descriptors.Of(diagnostic.Id), Location.Create((await document.GetSyntaxTreeAsync(token))!,
                    diagnostic.Location.SourceSpan), diagnostic.Properties, diagnostic.GetMessage()),
            (action, _) => actions.Add(action),
            token));
        var operations = await actions.Single(action => action.Title == title).GetOperationsAsync(token);
        var changed = operations.OfType<ApplyChangesOperation>().Single().ChangedSolution.GetDocument(document.Id)!;
        Assert.Equal(expected, (await changed.GetTextAsync(token)).ToString());
        Assert.NotNull(provider.GetFixAllProvider());
    }
}
