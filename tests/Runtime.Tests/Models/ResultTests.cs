using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Models;

/// <summary>Results of every shape keep their tensors, and only these; inputs may be left out.</summary>
public class ResultTests
{
    [Fact]
    public void Record_KeepsItsTensors() => Check<ResultOfARecord, RecordOfTensors>(
        result => [result.Sum, result.Inner.A, result.Inner.B!, .. result.Many, result.Named["x"], result.Hidden]);

    [Fact]
    public void ListOfTuples_KeepsItsTensors() => Check<ResultOfAList, IReadOnlyList<(Tensor, Tensor[])>>(
        result => [.. result.SelectMany(pair => pair.Item2.Prepend(pair.Item1))]);

    [Fact]
    public void Dictionary_KeepsItsTensors() => Check<ResultOfADictionary, Dictionary<string, List<Tensor>>>(
        result => [.. result.Values.SelectMany(list => list)]);

    [Fact]
    public void LinkedObjects_KeepTheirTensors_OnceEach() => Check<ResultOfLinks, Node>(
        result => [result.Value, result.Next!.Value]);

    [Fact]
    public void DeclaredAsObject_KeepsItsTensors() => Check<ResultOfAnObject, object>(
        result => result is RecordOfTensors record ? [record.Sum, record.Inner.A, record.Hidden] : []);

    /// <summary>A property that computes a tensor is not read.</summary>
    [Fact]
    public void ComputedProperty_IsNotRead()
    {
        RecordOfTensors.Computed = 0;
        using var model = new ResultOfARecord();
        using var scope = NewDisposeScope();
        model.call(ones(3));
        Assert.Equal(0, RecordOfTensors.Computed);
    }

    [Fact]
    public void InputWithADefault_MayBeLeftOut()
    {
        using var scope = NewDisposeScope();
        using var model = new OptionalMask();
        var x = ones(3);
        Assert.Equal(6, model.call(x).sum().item<float>());
        Assert.Equal(6, model.forward(x).sum().item<float>());
        Assert.Equal(12, model.call(x, steps: 4).sum().item<float>());
        Assert.Equal(0, model.call(x, zeros(3)).sum().item<float>());
        using var around = new AroundOptionalMask();
        Assert.Equal(6, around.call(x).sum().item<float>());
    }

    private static void Check<TModel, TResult>(Func<TResult, Tensor[]> tensors)
        where TModel : Model<Tensor, TResult>, new()
    {
        using var model = new TModel();
        using var x = ones(3);
        model.call(x); // what is made once is made
        using var scope = NewDisposeScope();
        var result = model.call(x);
        var kept = tensors(result);
        Assert.All(kept, tensor => Assert.Equal(3, tensor.numel()));
        Assert.Equal(kept.Distinct(ReferenceEqualityComparer.Instance).Count(), scope.DisposablesCount);
    }
}

public record RecordOfTensors(Tensor Sum, PairOfTensors Inner, Tensor[] Many, int Steps, string Name)
{
    private readonly Tensor hidden = Sum + 1;

    public static int Computed { get; set; }

    public IReadOnlyDictionary<string, Tensor> Named { get; init; } = new Dictionary<string, Tensor>();

    public Tensor Hidden => hidden;

    public Tensor Twice
    {
        get
        {
            Computed++;
            return Sum * 2;
        }
    }
}

public readonly record struct PairOfTensors(Tensor A, Tensor? B);

public sealed class Node(Tensor value)
{
    public Tensor Value { get; } = value;

    public Node? Next { get; set; }
}

[Model]
public partial class ResultOfARecord
{
    [Parameter(3)] public partial Tensor Scale { get; }

    [Forward]
    private RecordOfTensors Network(Tensor x) =>
        new(x + x, new(x * 2, x * 3), [x - 1, x - 2], 4, "name")
        {
            Named = new Dictionary<string, Tensor> { ["x"] = (x * 4) + Scale },
        };
}

[Model]
public partial class ResultOfAList
{
    [Forward]
    private IReadOnlyList<(Tensor, Tensor[])> Network(Tensor x) => [(x + 1, [x * 2 * 3]), (x + 2, [x * 3, x * 4])];
}

[Model]
public partial class ResultOfADictionary
{
    [Forward]
    private Dictionary<string, List<Tensor>> Network(Tensor x) => new() { ["a"] = [x + 1, x * 2 * 3], ["b"] = [x + 2] };
}

[Model]
public partial class ResultOfLinks
{
    [Forward]
    private Node Network(Tensor x)
    {
        var first = new Node(x * 2 * 3);
        first.Next = new Node(x + 1) { Next = first };
        return first;
    }
}

[Model]
public partial class ResultOfAnObject
{
    [Forward]
    private object Network(Tensor x) => new RecordOfTensors(x + x, new(x * 2 * 3, null), [], 4, "name");
}

[Model]
public partial class OptionalMask
{
    [Forward]
    private Tensor Network(Tensor x, Tensor? mask = null, int steps = 2) => x * (mask ?? ones(3)) * steps;
}

[Model]
public partial class AroundOptionalMask
{
    [Block] public partial OptionalMask Inner { get; }

    [Forward]
    private Tensor Network(Tensor x) => Inner.call(x);
}
