using Marrow.Generators.Tests.Harness;
using Xunit;

namespace Marrow.Generators.Tests.Diagnostics;

/// <summary>MRW010: modules and tensors that a model holds without declaring them.</summary>
public class StateRules
{
    private static string Net(string members) => $$"""
        using TorchSharp.Modules;
        [Model] public partial class Inner { [Forward] private Tensor Network(Tensor x) => x; }
        public class Own() : nn.Module<Tensor, Tensor>("Own")
        {
            private readonly BatchNorm1d inside = nn.BatchNorm1d(4);
            public override Tensor forward(Tensor x) => inside.call(x);
        }
        [Model]
        public partial class Net(int width)
        {
            {{members}}
            [Linear(nameof(width), 4)] public partial global::Marrow.Linear Up { get; }
            [Parameter(4)] public partial Tensor Scale { get; }
            [Forward] private Tensor Network(Tensor x) => x;
        }
        """;

    [Theory]
    [InlineData("private readonly BatchNorm1d {|MRW010:bn|} = nn.BatchNorm1d(4);",
        "field 'bn' holds a BatchNorm1d, which would be in no checkpoint",
        "[BatchNorm1d(…)] public partial BatchNorm1d Bn { get; }")]
    [InlineData("private GRU? {|MRW010:_gru|};", "holds a GRU", "[Gru(…)] public partial GRU Gru { get; }")]
    [InlineData("private RNN? {|MRW010:rnn|};", "holds a RNN", "MyRNN Rnn { get; }")]
    [InlineData("public Own {|MRW010:Block|} { get; } = new();", "property 'Block' holds a Own",
        "[Block(…)] public partial Own Block { get; }")]
    [InlineData("private Inner {|MRW010:inner|} = new();", "a Inner", "[Block(…)] public partial Inner Inner { get; }")]
    [InlineData("private global::Marrow.Linear {|MRW010:up|} = null!;", "a Linear",
        "[Linear(…)] public partial Linear Up { get; }")]
    [InlineData("private nn.Module<Tensor, Tensor> {|MRW010:head|} = nn.Linear(4, 4);", "Module<", "Head { get; }")]
    [InlineData("private readonly List<Own> {|MRW010:layers|} = [];", "objects of type Own", "Own Layers { get; }")]
    [InlineData("private (int, Own[])? {|MRW010:pair|};", "objects of type Own", "Own Pair { get; }")]
    [InlineData("private Dictionary<string, Tensor> {|MRW010:cache|} = [];", "objects of type Tensor", "[Buffer(…)]")]
    [InlineData("private Tensor? {|MRW010:mask|};", "holds a Tensor", "[Buffer(…)] if not")]
    [InlineData("private readonly Parameter {|MRW010:w|} = new(zeros(4));", "a Parameter",
        "[Parameter(…)] public partial Tensor W { get; }")]
    public async Task MRW010_StateThatIsNotDeclared_IsReportedOnItsName(string member, string words, string advice)
    {
        var message = (await Markup.Check(Net(member)))[0].GetMessage();
        Assert.Contains(words, message);
        Assert.Contains(advice, message);
    }

    [Theory]
    [InlineData("private static readonly Tensor One = ones(1);")]
    [InlineData("private const int Size = 4;")]
    [InlineData("private readonly Func<Tensor, Tensor> activation = x => x;")]
    [InlineData("private int steps; public string Title { get; set; } = \"\"; private readonly List<int> ids = [];")]
    [InlineData("public Tensor First => Scale; private Own Made() => new();")]
    [InlineData("public sealed class Cache { public Tensor? Keys; }")]
    public Task MRW010_OtherMembers_AreSilent(string member) => Markup.Check(Net(member));

    /// <summary>TorchSharp's own modules are made by its functions alone.</summary>
    [Fact]
    public async Task MRW002_ModuleThatCannotBeMade_IsReported() => Assert.Contains(
        "has no constructor to call; declare a module around it",
        (await Markup.Check(Net("[Block(4)] public partial BatchNorm1d {|MRW002:Bn|} { get; }")))[0].GetMessage());

    [Fact]
    public Task MRW010_InAVariant_IsReportedToo() => Markup.Check(
        Net("") + "[Model] public partial class Small() : Net(4) { private Own {|MRW010:own|} = new(); }");

    /// <summary>Who takes it on has a model that works.</summary>
    [Fact]
    public async Task MRW010_Suppressed_LeavesTheModelWhole()
    {
        var source = Net("""

            #pragma warning disable MRW010 // moved by hand
                private Tensor? mask;
            #pragma warning restore MRW010
                public void Set(Tensor value) => mask = value;
                public Tensor? Get() => mask;

            """);
        Assert.Empty(await Markup.Check(source));
        Assert.Contains("builder.Linear(\"up\"", EmittedText.For("Net", source));
    }
}
