namespace Marrow.Generators.Rules;

/// <summary>A broken rule.</summary>
/// <param name="Id">The diagnostic's id.</param>
/// <param name="Site">Where in the class's declaration.</param>
/// <param name="Message">The sentence to show.</param>
/// <param name="Fixes">Values that would be right, for a code fix; empty if there is no obvious one.</param>
internal sealed record Violation(string Id, Site Site, string Message, IReadOnlyList<string> Fixes)
{
    public Violation(string id, Site site, string message)
        : this(id, site, message, [])
    {
    }
}

/// <summary>A place in the declaration of the class that is checked, without any Roslyn type.</summary>
internal abstract record Site
{
    /// <summary>The class's name.</summary>
    public sealed record Class : Site;

    /// <summary>A property's name.</summary>
    public sealed record Property(string Name) : Site;

    /// <summary>A field's or a property's name.</summary>
    public sealed record Member(string Name) : Site;

    /// <summary>A [Forward] method's name; the one at this position if there are several.</summary>
    public sealed record Method(int Index) : Site;

    /// <summary>An attribute on the property <paramref name="Carrier"/>, or on the class if that is null.</summary>
    public sealed record Attribute(string? Carrier, string Name) : Site
    {
        /// <summary>Which of the attributes of that name.</summary>
        public int Index { get; init; }
    }

    /// <summary>
    /// An argument of such an attribute, by option or constructor parameter; <c>sizes#2</c> is the third of a list.
    /// The attribute itself if the argument is not written out.
    /// </summary>
    public sealed record Argument(string? Carrier, string AttributeName, string Name) : Site
    {
        /// <summary>Which of several attributes of this name.</summary>
        public int Index { get; init; }
    }

    /// <summary>An argument of the base call, by parameter name; the base type if it is not written out.</summary>
    public sealed record BaseArgument(string Parameter) : Site;
}
