using System.ComponentModel;

namespace Marrow.CompilerServices;

/// <summary>
/// Emitted on every variant: the arguments of its base call, in the order of the base's constructor parameters,
/// as expressions over the variant's own parameters. Metadata does not hold them otherwise, and variants in
/// other assemblies need them to know their sizes.
/// </summary>
/// <param name="arguments">One expression per constructor parameter of the base class.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class BaseCallAttribute(params string[] arguments) : Attribute
{
    /// <summary>One expression per constructor parameter of the base class.</summary>
    public string[] Arguments { get; } = arguments;
}
