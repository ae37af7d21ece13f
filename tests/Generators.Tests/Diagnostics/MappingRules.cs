using Marrow.Generators.Tests.Harness;
using Xunit;

namespace Marrow.Generators.Tests.Diagnostics;

/// <summary>MRW011: what a class says about its checkpoint.</summary>
public class MappingRules
{
    private static string Net(string attributes, string variant = "") => $$"""
        [Model]
        public partial class Block(int width)
        {
            [Linear(nameof(width), "2 * width")] public partial Linear Query { get; }
            [Linear(nameof(width), nameof(width))] public partial Linear Key { get; }
            [Linear(nameof(width), nameof(width), Bias = false)] public partial Linear Bare { get; }
            [LayerNorm(nameof(width))] public partial LayerNorm Norm { get; }
            [Forward] private Tensor Network(Tensor x) => x;
        }
        public class Own() : nn.Module<Tensor, Tensor>("Own")
        {
            public override Tensor forward(Tensor x) => x;
        }
        [Model]
        {{attributes}}
        public partial class Net(int width, int depth, int share, string text)
        {
            [Embedding(16, nameof(width))] public partial Embedding Tokens { get; }
            [Parameter(nameof(width))] public partial Tensor Scale { get; }
            [Block(16, Count = nameof(depth))] public partial ModuleList<Block> Blocks { get; }
            [Block] public partial Own Own { get; }
            [Linear(16, 10)] public partial Linear Head { get; }
            [Linear(16, 10, Tie = nameof(Tokens), TieWhen = "width > 3")] public partial Linear Maybe { get; }
            [Forward] private Tensor Network(Tensor x) => x;
        }
        {{variant}}
        """;

    [Theory]
    [InlineData("[Rename(\"h.*.q\", {|MRW011:\"blocks.*.qery\"|})]",
        "[Rename] of 'Net': 'blocks.*.qery' matches nothing; did you mean 'blocks.*.query'?")]
    [InlineData("[Rename(\"a\", \"head\"), Rename(\"b\", {|MRW011:\"haed\"|})]", "did you mean 'head'?")]
    [InlineData("[Rename(\"h.*.q\", {|MRW011:own: \"blocks.*.qery\"|})]", "did you mean")]
    [InlineData("[Rename(\"h.*\", \"blocks.*\"), Rename(\"h.*.q\", {|MRW011:\"blocks.*.query\"|})]",
        "'blocks.*.query' matches nothing that the rules above it leave")]
    [InlineData("[Rename(\"c\", {|MRW011:\"something.quite.different\"|})]",
        "matches nothing; names at that point are tokens.weight, tokens, scale, blocks.*.query.weight")]
    [InlineData("[Rename({|MRW011:\"head\"|}, \"tokens\")]", "two tensors would be 'head.weight' in the checkpoint")]
    [InlineData("[Rename(\"h.norm\", {|MRW011:\"blocks.*.norm\"|})]", "different numbers of stars")]
    [InlineData("[Rename({|MRW011:\"\"|}, \"head\")]", "'' has an empty or unprintable part between its dots")]
    [InlineData("[Rename(\"a\", {|MRW011:\"head.\"|})]", "'head.' has an empty")]
    [InlineData("[Split(\"h.*.qk\", \"blocks.*.query\", {|MRW011:\"blocks.*.bare\"|})]",
        "'blocks.*.bare' has nothing beside 'blocks.0.query.bias' for a part of 'h.0.qk.bias'")]
    [InlineData("[Split(\"h.*.qk\", {|MRW011:\"blocks.*.qury\"|}, {|MRW011:\"blocks.*.kei\"|})]", "did you mean")]
    [InlineData("[Split(\"h.*.qk\", \"blocks.*.query\", {|MRW011:\"blocks.*.kei\"|})]", "did you mean 'blocks.*.key'?")]
    [InlineData("[Split(\"h.*.qk\", \"blocks.*.query\", {|MRW011:\"blocks.*.query\"|})]",
        "'blocks.0.query.weight' would be one part of 'h.0.qk.weight' too many")]
    [InlineData("[Split(\"h.*.q\", {|MRW011:\"blocks.*.query\"|})]", "needs at least two parts; [Rename] is for one")]
    [InlineData("[Fuse({|MRW011:\"heads\"|}, \"a\", \"b\")]", "did you mean 'head'?")]
    [InlineData("[Fuse({|MRW011:\"head\"|}, \"a\", \"b\", \"c\")]",
        "the 10 rows of 'head.weight' do not divide as 1 : 1 : 1")]
    [InlineData("[Fuse(\"head\", \"a\", \"b\", {|MRW011:Parts = new object[] { 2, 1 }|})]", "do not divide as 2 : 1")]
    [InlineData("[Fuse(\"head\", \"a\", \"b\", {|MRW011:Parts = new object[] { 2, 2, 1 }|})]",
        "Parts has 3 numbers for 2 names")]
    [InlineData("[Fuse(\"head\", \"a\", \"b\", {|MRW011:Parts = new object[] { 2, 0 }|})]",
        "Parts 2 : 0 are not all positive")]
    [InlineData("[Fuse(\"head\", \"a\", \"b\", {|MRW003:Parts = new object[] { 2, \"shar\" }|})]",
        "did you mean 'share'?")]
    [InlineData("[Fuse(\"head\", \"a\", \"b\", {|MRW003:Parts = new object[] { 2, nameof(text) }|})]", "text")]
    [InlineData("[Checkpoint({|MRW011:Transpose = \"blocks.*.query|h.*.c_atn\"|}), Rename(\"h.*.c_attn\", \"blocks.*.key\")]",
        "Transpose of 'Net': 'h.*.c_atn' matches nothing; did you mean 'h.*.c_attn'?")]
    [InlineData("[Checkpoint({|MRW011:Prefix = \"transformer\"|})]", "'transformer' does not end with a dot")]
    [InlineData("[Checkpoint({|MRW011:Unprefixed = \"head\"|})]", "it means nothing without Prefix")]
    [InlineData("[Checkpoint(Prefix = \"a.\", {|MRW011:Unprefixed = \"hed\"|})]", "did you mean 'head'?")]
    public async Task MRW011_RuleThatDoesNotSuit_IsReportedOnItsArgument(string attributes, string words) =>
        Assert.Contains(words, (await Markup.Check(Net(attributes)))[0].GetMessage());

    [Theory]
    [InlineData("[Rename(\"h.*\", \"blocks.*\")]")]
    [InlineData("[Rename(\"*.beta\", \"*.bias\"), Rename(\"*.gamma\", \"blocks.*.norm.weight\")]")]
    [InlineData("[Rename(\"gain\", \"scale\"), Rename(\"wte\", \"tokens\")]")]
    [InlineData("[Split(\"h.*.qk\", \"blocks.*.query\", \"blocks.*.key\")]")]
    [InlineData("[Fuse(\"head\", \"a\", \"b\")]")]
    [InlineData("[Fuse(\"head\", \"a\", \"b\", Parts = new object[] { nameof(share), \"2 * share\" })]")]
    [InlineData("[Checkpoint(Prefix = \"a.\", Unprefixed = \"head\", Transpose = \"*.key\", Ignore = \"whatever\")]")]
    // Tensors of a hand-written module are not known.
    [InlineData("[Rename(\"gru\", \"own.gru.weight_ih\"), Rename(\"x.cell\", \"gru.cell\")]")]
    [InlineData("[Split(\"qk\", \"own.query\", \"own.key\")]")]
    [InlineData("[Checkpoint(Transpose = \"own.linear\")]")]
    [InlineData("[Rename(\"lm\", \"maybe.weight\")]")]
    public Task MRW011_RuleThatSuits_IsSilent(string attributes) => Markup.Check(Net(attributes));

    [Fact]
    public async Task MRW011_Variant_SeesTheNamesThatItsBaseMade()
    {
        const string OfBase = "[Checkpoint(Prefix = \"model.\"), Rename(\"h.*\", \"blocks.*\")]";
        await Markup.Check(Net(OfBase, """
            [Checkpoint(Unprefixed = "score"), Rename("h.*.q", "h.*.query")]
            public partial class Good() : Net(16, 2, 1, "") { [Linear(16, 3)] public partial Linear Score { get; } }
            """));
        var found = await Markup.Check(Net(OfBase, """
            [Rename("h.*.q", {|MRW011:"blocks.*.query"|})] public partial class Bad() : Net(16, 2, 1, "");
            """));
        Assert.Contains("that the rules above it leave", found[0].GetMessage());
    }

    [Fact]
    public async Task MRW011_Block_HasItsOwnCheckpoint()
    {
        var found = await Markup.Check("""
            [Model, Rename("q", "query"), Checkpoint(Prefix = "attn.")]
            public partial class Block
            {
                [Linear(4, 4)] public partial Linear Query { get; }
                [Forward] private Tensor Network(Tensor x) => x;
            }
            [Model, Rename("h.*.self", "blocks.*.attn"), Rename("x", {|MRW011:"blocks.*.query"|})]
            public partial class Net
            {
                [Block(Count = 3)] public partial ModuleList<Block> Blocks { get; }
                [Forward] private Tensor Network(Tensor x) => x;
            }
            """);
        Assert.Contains("[Rename] of 'Net'", found[0].GetMessage());
    }

    [Fact]
    public Task MRW006_OnAClassThatIsNoModel_IsReported() => Markup.Check("""
        [{|MRW006:Rename|}("a", "b"), {|MRW006:Checkpoint|}(Prefix = "a.")] public partial class Other;
        """);
}
