using Marrow.Operations;

namespace Marrow.Peft;

/// <summary>
/// The names that PEFT has for a model's layers: those of its public checkpoint, which the attributes of its class may
/// say are others than the model's own.
/// </summary>
internal sealed class PeftNames
{
    /// <summary>What all names in an adapter's file begin with.</summary>
    public const string Prefix = "base_model.model.";

    private readonly Dictionary<string, string> stored = [];

    /// <param name="model">The model.</param>
    public PeftNames(IModel model)
    {
        var weights = BaseWeight.Of(model);
        var layout = new CheckpointLayout(model, weights, model.GetType().Name);
        foreach (var tensor in layout.Tensors.Where(layout.IsWhole))
        {
            stored.Add(weights[tensor.Rows[0].Tensor].Name, tensor.Name);
        }
    }

    /// <summary>The checkpoint's tensors that are one of the model's, with the model's names.</summary>
    public IEnumerable<(string Own, string Stored)> All => stored.Select(pair => (pair.Key, pair.Value));

    /// <summary>
    /// The name of a parameter of the base; the model's own if it is a part of one there ([Split], [Fuse]), which PEFT
    /// has no adapters for.
    /// </summary>
    public string Tensor(string own) => stored.GetValueOrDefault(own, own);

    /// <summary>The name of a layer.</summary>
    public string Layer(string own) => Around(Tensor(own + ".weight"));

    /// <summary>The name of a module, which may hold others.</summary>
    public string Module(string own)
    {
        var (inner, tensor) = stored.FirstOrDefault(
            pair => pair.Key.StartsWith(own + ".", StringComparison.Ordinal));
        return inner is null
            ? own
            : string.Join('.', tensor.Split('.')[..^inner[(own.Length + 1)..].Split('.').Length]);
    }

    /// <summary>The name of a module; false and its own name if its weight is no tensor of its own.</summary>
    public bool TryLayer(string own, out string layer)
    {
        var isWhole = stored.TryGetValue(own + ".weight", out var tensor);
        layer = isWhole ? Around(tensor!) : own;
        return isWhole;
    }

    /// <summary>The name of the module that holds a tensor.</summary>
    public static string Around(string tensor) => tensor[..Math.Max(0, tensor.LastIndexOf('.'))];
}
