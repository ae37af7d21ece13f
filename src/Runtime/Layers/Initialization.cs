using System.ComponentModel;

namespace Marrow.CompilerServices;

/// <summary>What a weight starts with.</summary>
/// <param name="Kind">The distribution.</param>
/// <param name="Std">The standard deviation of a normal one.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed record Initialization(ParameterInit Kind, double Std = 0.02);
