using Marrow.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Xunit;

namespace Marrow.Generators.Tests.Diagnostics;

/// <summary>Code as it looks while it is typed: the generator and the analyzer never fail on it.</summary>
public class BrokenCode
{
    private const string Source = """
        [Model]
        public partial class Mlp(int width, int hidden = 8)
        {
            [Linear(nameof(width), "2 * hidden", Bias = false), Name("a.up")] public partial Linear Up { get; }
            [Embedding(10, nameof(width))] public partial Embedding Tokens { get; }
            [Linear(nameof(width), 10, Tie = nameof(Tokens))] public partial Linear Head { get; }
            [Buffer(4, 4, Init = nameof(Table))] protected partial Tensor Mask { get; }
            [Forward] private Tensor Network(Tensor x) => Head.call(Up.call(x));
            private static Tensor Table() => ones(4, 4);
        }
        [Model, Bone(BlockSize = 8, Form = BoneForm.Mini, MiniRank = 4, Targets = "*up")]
        public partial class Net(int depth) : Mlp(width: 16, hidden: 4 * depth)
        {
            [Block(16, 32, Count = nameof(depth))] public partial ModuleList<Mlp> Blocks { get; }
        }
        """;

    [Fact]
    public async Task EveryPrefix_OfASource_IsSurvived()
    {
        for (var length = 0; length <= Source.Length; length += 7)
        {
            await Markup.Analyze(TestCompilation.Create(Source[..length]));
        }
    }

    [Theory]
    [InlineData("[Linear(4)] public partial Linear Up { get; }")]
    [InlineData("[Linear] public partial Linear Up { get; }")]
    [InlineData("[Linear(null, 4)] public partial Linear Up { get; }")]
    [InlineData("[Linear(typeof(int), 4)] public partial Linear Up { get; }")]
    [InlineData("[Linear(new[] { 1 }, 4)] public partial Linear Up { get; }")]
    [InlineData("[Linear(4, 4)] public partial Linnear Up { get; }")]
    [InlineData("[Block(4)] public partial Unknown Inner { get; }")]
    [InlineData("[Block(4)] public partial ModuleList<Unknown> Inner { get; }")]
    [InlineData("[Block(Missing)] public partial ModuleList<> Inner { get; }")]
    [InlineData("[Parameter] public partial Tensor Scale { get; }")]
    [InlineData("[Parameter(null)] public partial Tensor Scale { get; }")]
    [InlineData("[Name(null), Linear(4, 4)] public partial Linear Up { get; }")]
    [InlineData("[Bone(BlockSize = ), Linear(4, 4)] public partial Linear Up { get; }")]
    [InlineData("[Bone(Form = (BoneForm)17), Linear(64, 64)] public partial Linear Up { get; }")]
    [InlineData("[Linear(9223372036854775807, \"2 * 9223372036854775807\")] public partial Linear Up { get; }")]
    public Task HalfTypedMember_IsSurvived(string member) => Markup.Analyze(TestCompilation.Create($$"""
        [Model] public partial class Net(int width) { {{member}} [Forward] private Tensor Network(Tensor x) => x; }
        """));

    [Theory]
    [InlineData("[Model] public partial class A : B { } [Model] public partial class B : A { }")]
    [InlineData("[Model] public partial class A : A { }")]
    [InlineData("[Model] public partial class A : Missing { [Forward] Tensor Network(Tensor x) => x; }")]
    [InlineData("[Bone] public partial class A() : Missing(1, 2);")]
    [InlineData("[Bone(")]
    [InlineData(
        "[Model] public partial class A(ulong a = ulong.MaxValue, decimal b = 1e28m, char c = 'c', string? d = null) "
        + "{ [Forward] Tensor Network(Tensor x) => x; } [Model] public partial class B() : A;")]
    [InlineData("[Model] public partial class")]
    [InlineData(
        "[Model] public partial class A(int a, int a) { [Linear(nameof(a), 4)] public partial Linear Up { get; } "
        + "[Forward] Tensor Network(Tensor x) => x; }")]
    [InlineData(
        "[Model] public partial class A { [Block(4, Count = 2000000000)] public partial ModuleList<A> Inner { get; } "
        + "[Forward] Tensor Network(Tensor x) => x; }")]
    public Task BrokenClass_IsSurvived(string source) => Markup.Analyze(TestCompilation.Create(source));

    [Fact]
    public async Task HugeCount_DoesNotFreezeTheEditor()
    {
        var found = await Markup.Analyze(TestCompilation.Create("""
            [Model] public partial class Inner(int width)
            {
                [Linear(nameof(width), 8)] public partial Linear Up { get; }
                [Forward] Tensor Network(Tensor x) => Up.call(x);
            }
            [Model] public partial class Net
            {
                [Block(8, Count = 2000000000)] public partial ModuleList<Inner> Layers { get; }
                [Forward] Tensor Network(Tensor x) => x;
            }
            """)).WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Empty(found);
    }

    /// <summary>An invalid model keeps its members, so that its one message is not buried.</summary>
    [Fact]
    public void InvalidModel_KeepsItsMembers_WithoutCompilerErrors()
    {
        TestCompilation.Driver().RunGeneratorsAndUpdateCompilation(
            TestCompilation.Create("""
                [Model]
                public partial class Net(int width)
                {
                    [Linear("widht", 4)] public partial Linear Up { get; }
                    [Forward] private Tensor Network(Tensor x) => Up.call(x);
                }
                public static class Use { public static Tensor Run(Tensor x) => new Net(4).call(x); }
                """),
            out var output,
            out _,
            TestContext.Current.CancellationToken);
        Assert.Empty(output.GetDiagnostics(TestContext.Current.CancellationToken).Where(diagnostic =>
            diagnostic.Severity >= DiagnosticSeverity.Warning && diagnostic.Id != "CS1591"));
        Assert.Contains("MRW003", output.SyntaxTrees.Last().ToString());
    }
}
