using Marrow.Generators.Tests.Harness;
using Xunit;

namespace Marrow.Generators.Tests.Diagnostics;

/// <summary>Results and optional inputs of [Forward] methods.</summary>
public class ForwardRules
{
    private static string Net(string forward) => $$"""
        using System.Threading.Tasks;
        public record Output(Tensor Logits, Tensor[] States, IReadOnlyDictionary<string, Tensor> More, int Steps);
        public record struct Pair(Tensor A, Tensor? B);
        public class Node { public Node? Next { get; set; } public List<Tensor> Values { get; } = []; }
        public record Later(Tensor Logits, Func<Tensor> Loss);
        public record Deep(Tensor Logits, Later[] Inner);
        public enum Mode { Plain, Last = 4 }
        [Model] public partial class Net { {{forward}} }
        """;

    [Theory]
    [InlineData("IEnumerable<Tensor>", "which is computed later")]
    [InlineData("Task<Tensor>", "which is computed later")]
    [InlineData("Lazy<Tensor>", "which is computed later")]
    [InlineData("Func<Tensor>", "where a Func<Tensor> hides the tensors that it uses")]
    [InlineData("Later", "where a Func<Tensor> hides")]
    [InlineData("(Tensor, Deep)", "where a Func<Tensor> hides")]
    [InlineData("List<Later>", "where a Func<Tensor> hides")]
    [InlineData("nn.utils.rnn.PackedSequence", "where a PackedSequence has its tensors to itself")]
    public async Task MRW007_ResultThatCannotBeKept_IsReported(string result, string words)
    {
        var message = (await Markup.Check(
            Net($"[Forward] private {result} {{|MRW007:Network|}}(Tensor x) => throw new Exception();")))[0]
            .GetMessage();
        Assert.Contains(words, message);
        Assert.Contains("supported are tensors, and tuples, arrays, lists, dictionaries, records", message);
    }

    [Theory]
    [InlineData("Tensor")]
    [InlineData("(Tensor, Tensor[], int)")]
    [InlineData("List<Tensor>")]
    [InlineData("IReadOnlyList<(Tensor, Pair?)>")]
    [InlineData("Dictionary<string, Tensor[]>")]
    [InlineData("Output")]
    [InlineData("Pair")]
    [InlineData("Node")]
    [InlineData("object")]
    [InlineData("double")]
    public void MRW007_ResultThatCanBeKept_IsSilent(string result) =>
        EmittedText.For("Net", Net($"[Forward] private {result} Network(Tensor x) => throw new Exception();"));

    [Theory]
    [InlineData("Tensor x, Tensor? mask = null", "Tensor? mask = default)", "model.call(x)")]
    [InlineData("Tensor x, double scale = double.NaN, int steps = -3",
        "double scale = double.NaN, int steps = -3)", "model.call(x, steps: 4)")]
    [InlineData("Tensor x, Mode mode = Mode.Last, Mode? other = Mode.Plain",
        "Mode mode = (global::Mode)(4)", "model.call(x)")]
    [InlineData("Tensor x, string name = \"a\\\"b\\\\\", char letter = '\\''",
        "string name = \"a\\\"b\\\\\", char letter = '\\'')", "model.call(x, \"c\")")]
    [InlineData("Tensor x, float scale = 1.5f, decimal more = 2.5m", "scale = (float)1.5, decimal more = 2.5m)",
        "model.call(x) + model.forward(x)")]
    [InlineData("Tensor? x = null", "Tensor? x = default)", "model.call()")]
    [InlineData("Tensor x, (int, int) size = default, bool flag = true", "size = default, bool flag = true)",
        "model.call(x, flag: false)")]
    public void OptionalInput_StaysOptional(string inputs, string code, string call)
    {
        var emitted = EmittedText.For("Net", Net($"[Forward] private Tensor Network({inputs}) => zeros(1);")
            + $"public static class Use {{ public static Tensor Run(Net model, Tensor x) => {call}; }}");
        Assert.Contains(code, emitted);
    }

    [Fact]
    public void InputsWithoutDefaults_HaveTheBasesCall() => Assert.DoesNotContain(
        " call(", EmittedText.For("Net", Net("[Forward] private Tensor Network(Tensor x, Tensor y) => x;")));

    [Fact]
    public void VariantWithItsOwnForward_KeepsItsDefaults() => EmittedText.For("Small", """
        [Model] public partial class Net { [Forward] private Tensor Network(Tensor x, Tensor? mask = null) => x; }
        [Model] public partial class Small : Net { [Forward] private Tensor Run(Tensor x, Tensor? mask = null) => x; }
        public static class Use { public static Tensor Run(Small model, Tensor x) => model.call(x); }
        """);
}
