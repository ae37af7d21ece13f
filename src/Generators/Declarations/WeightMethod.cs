using Marrow.Generators.Sizes;

namespace Marrow.Generators.Declarations;

/// <summary>
/// A method that quantizes weights, a value of <see cref="WeightQuantizer"/>. There is one object of each.
/// </summary>
internal abstract class WeightMethod
{
    public abstract WeightQuantizer Kind { get; }

    /// <summary>Its name in words.</summary>
    public abstract string Words { get; }

    /// <summary>Its name in class names; empty for the usual method.</summary>
    public abstract string ClassName { get; }

    /// <summary>Whether CGA can anneal its weights.</summary>
    public virtual bool CanAnneal => false;

    /// <summary>
    /// Whether it quantizes frozen bases and adapted weights: it has no parameters that training would move.
    /// </summary>
    public virtual bool SuitsAdapters => false;

    /// <summary>Whether it learns a step for each output feature.</summary>
    public virtual bool LearnsSteps => false;

    /// <summary>What is wrong with these bits, or null.</summary>
    public abstract string? BitsError(long bits);

    /// <summary>The largest magnitude of a level as 8 bits store it.</summary>
    public abstract long LargestLevel(int bits);

    /// <summary>The formula of Ŵ, as lines of a summary.</summary>
    public abstract IReadOnlyList<string> Formula(SizeExpression bits);

    /// <summary>Ŵ by plain differentiable operations: the statements of a method of w.</summary>
    /// <param name="bits">The bits.</param>
    /// <param name="bitsCode">How they are read where they are known only at run time.</param>
    public abstract IReadOnlyList<string> Plain(SizeExpression bits, string bitsCode);

    /// <summary>The call that makes the codes of the weight.</summary>
    public abstract string Codes(string weight, string bits);
}
