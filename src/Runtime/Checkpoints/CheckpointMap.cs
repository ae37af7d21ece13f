using System.ComponentModel;
using Marrow.Shared;

namespace Marrow.CompilerServices;

/// <summary>Takes what the attributes of a class say about its checkpoint; emitted code fills it, bases first.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class CheckpointMap
{
    internal CheckpointMap()
    {
    }

    internal NameTable Table { get; } = new();

    /// <summary>[Rename].</summary>
    public void Rename(string stored, string own) => Table.Rules.Add(new RenameRule(stored, own));

    /// <summary>[Split].</summary>
    public void Split(string stored, params string[] own) => Table.Rules.Add(new SplitRule(stored, own));

    /// <summary>[Fuse]; without parts they are equal.</summary>
    public void Fuse(string own, string[] stored, params long[] parts) =>
        Table.Rules.Add(new FuseRule(own, stored, parts.Length == 0 ? null : parts));

    /// <summary>[Checkpoint]'s Prefix, which takes the place of a base's.</summary>
    public void Prefix(string prefix) => Table.Prefix = prefix;

    /// <summary>[Checkpoint]'s Unprefixed.</summary>
    public void Unprefixed(string patterns) => Table.Unprefixed.Add(patterns);

    /// <summary>[Checkpoint]'s Transpose.</summary>
    public void Transpose(string patterns) => Table.Transposed.Add(patterns);

    /// <summary>[Checkpoint]'s Ignore.</summary>
    public void Ignore(string patterns) => Table.Ignored.Add(patterns);
}
