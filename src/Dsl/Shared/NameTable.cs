namespace Marrow.Shared;

/// <summary>How the checkpoint of a class differs from the model: the rules of the class and its bases.</summary>
internal sealed class NameTable
{
    /// <summary>The rules, in the order in which they lead from the model's names to the checkpoint's.</summary>
    public List<NameRule> Rules { get; } = [];

    /// <summary>What the checkpoint's names begin with, or nothing.</summary>
    public string Prefix { get; set; } = "";

    /// <summary>Patterns of the names that do not.</summary>
    public List<string> Unprefixed { get; } = [];

    /// <summary>Patterns of what is stored as [in, out].</summary>
    public List<string> Transposed { get; } = [];

    /// <summary>Patterns of what is left out of a checkpoint.</summary>
    public List<string> Ignored { get; } = [];

    /// <summary>Whether the checkpoint is as the model.</summary>
    public bool IsEmpty => Rules.Count + Prefix.Length + Unprefixed.Count + Transposed.Count + Ignored.Count == 0;

    /// <summary>Whether a pattern means a tensor, or a layer around it.</summary>
    public static bool Means(string patterns, string tensor) =>
        LayerTargets.Around(tensor).Any(name => LayerTargets.Match(patterns, name));

    /// <summary>The tensors as the checkpoint has them.</summary>
    /// <param name="tensors">The tensors with the names that they have in the class.</param>
    /// <param name="report">Takes what is wrong with a rule, by its number.</param>
    public IReadOnlyList<StoredTensor> Apply(IReadOnlyList<StoredTensor> tensors, Action<int, NameFault> report)
    {
        for (var i = 0; i < Rules.Count; i++)
        {
            var (number, isSound) = (i, true);
            foreach (var fault in Rules[i].PatternFaults)
            {
                report(number, fault);
                isSound = false;
            }

            tensors = isSound ? Rules[i].Apply(tensors, fault => report(number, fault)) : tensors;
        }

        return [.. tensors.Select(tensor => tensor with
        {
            IsTransposed = tensor.IsTransposed || Transposed.Exists(patterns => Means(patterns, tensor.Name)),
        })];
    }

    /// <summary>A name as it is with the prefix.</summary>
    public string WithPrefix(string name) =>
        Unprefixed.Exists(patterns => Means(patterns, name)) ? name : Prefix + name;
}
